/** Inputs of any kind of resource: a rule names what it reads of them. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Loose = Record<string, any>;

/** A resource as the program registers it: with its options, which no API server ever sees. */
export interface Registered {
  /** `kubernetes:apps/v1:Deployment` */
  type: string;
  name: string;
  /** Resolved inputs. */
  inputs: Loose;
  ignoreChanges: readonly string[];
}

/** Something that the program keeps to for every stack: no lines when it does, else what is wrong, by resource. */
export type Rule = (resources: readonly Registered[]) => string[];

/** One line for each resource of a kind that `isWrong` finds something in. */
export const forEach =
  (kind: string, problem: (resource: Registered) => string | undefined): Rule =>
  (resources) =>
    resources
      .filter(({ type }) => type.endsWith(`:${kind}`))
      .flatMap((it) => {
        const text = problem(it);
        return text ? [`${kind} ${it.name}: ${text}`] : [];
      });
