/** What a comparison came to. Everything but `messages` and `gone` speaks against the copy. */
export interface Findings {
  /** Messages of the origin in the range, on the compared subjects. */
  messages: number;
  /** In the origin, not in the target. */
  missing: number;
  /** More than once in the target. */
  doubled: number;
  /** Behind one that came after it in the origin. */
  outOfOrder: number;
  /** Subject, headers or payload differ. Only looked at with payloads. */
  different: number;
  /** Gone from the origin since (expired, purged), so that nothing can be said of them. */
  gone: number;
  /** In the target, and no copy of anything in the origin. A handover's copy does not count them: they are the target's own. */
  extra: number;
  /** The first origin sequence that is missing. */
  firstMissing?: number;
  /** First few origin sequences that are missing, doubled, out of order or different. */
  examples: number[];
}

export type Fault = 'missing' | 'doubled' | 'outOfOrder' | 'different';

const EXAMPLES = 10;

export const noFindings = (): Findings => ({
  messages: 0,
  missing: 0,
  doubled: 0,
  outOfOrder: 0,
  different: 0,
  gone: 0,
  extra: 0,
  examples: [],
});

export function note(findings: Findings, what: Fault, originSeq: number): void {
  findings[what]++;
  if (findings.examples.length < EXAMPLES) findings.examples.push(originSeq);
}

type Counts = Pick<Findings, 'messages' | 'missing' | 'doubled' | 'outOfOrder' | 'different'> & {
  extra?: number;
};

/** "1,200 messages, 0 missing, 0 doubled, order kept" */
export const describeProof = ({
  messages,
  missing,
  doubled,
  outOfOrder,
  different,
  extra = 0,
}: Counts): string =>
  [
    `${messages.toLocaleString('en')} messages, ${missing} missing, ${doubled} doubled`,
    ...(different > 0 ? [`${different} different`] : []),
    ...(extra > 0 ? [`${extra} more than the origin has`] : []),
    outOfOrder === 0 ? 'order kept' : `${outOfOrder} out of order`,
  ].join(', ');

export const isClean = ({ missing, doubled, outOfOrder, different, extra = 0 }: Counts): boolean =>
  missing + doubled + outOfOrder + different + extra === 0;
