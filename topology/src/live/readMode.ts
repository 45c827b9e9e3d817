import { type Mode, realSubjects, type Topology } from '../model.ts';
import type { LiveAccount } from './liveAccount.ts';

/** How one stream's subjects differ from what a mode gives it. */
export interface ModeDifference {
  mode: string;
  stream: string;
  /** Subjects that the mode gives the stream and that it does not own. */
  missing: string[];
  /** Subjects that it owns and that the mode does not give it. */
  extra: string[];
}

/** In which mode an account is, read from who owns which subject. */
export interface ModeReading {
  /** A mode's name; `none`: no stream that decides stands; `mixed`: the owners fit no mode, or several. */
  live: string;
  /** What to compare with: the live mode; `initialMode` for `none`; the nearest mode for `mixed`. */
  reference: string;
  /** Against the live mode where there is one (its file moved subjects inside it), against every mode for `mixed`. */
  differences: ModeDifference[];
}

export const NO_MODE = 'none';
export const MIXED = 'mixed';

type Owners = Map<string, Set<string>>;

/**
 * The mode is state: it is read from the account, never from configuration.
 *
 * - The streams whose subjects differ between the modes decide. None of them stands: `none`.
 * - A mode whose subjects they all own, exactly, is the live one.
 * - Else the file may have moved subjects inside the live mode (or someone moved them by hand). A mode is still recognised
 *   when it is the only one for which all of this holds: every standing stream that owns something owns something in it;
 *   no standing stream fits another mode exactly but not this one; something is owned at all. Where several are left, the
 *   one that agrees with the account on most subjects, if it is alone in that.
 * - Everything else is `mixed`: a migration half way, or subjects that nobody owns.
 *
 * A stream that does not stand proves nothing for a mode that gives it nothing. Modes that own the same subjects are told
 * apart by their durables: the one whose durables all stand, if there is exactly one; else `initialMode`.
 */
export function readMode(topology: Topology, live: LiveAccount): ModeReading {
  const modes = Object.values(topology.modes);
  const deciding = decidingStreams(topology, modes);
  const initial = topology.environment.initialMode;
  if (deciding.length === 0) return readUndecided(topology, live, modes);
  const owners: Owners = new Map();
  for (const name of deciding) {
    const stream = live.streams.get(name);
    if (stream) owners.set(name, new Set(realSubjects(stream.info.config.subjects)));
  }
  if (owners.size === 0) return { live: NO_MODE, reference: initial, differences: [] };

  const exact = modes.filter((mode) => deciding.every((name) => fits(owners.get(name), mode, name)));
  const candidates = exact.length > 0 ? exact : plausible(modes, owners);
  const recognised =
    exact.length > 1
      ? byDurables(exact, live, initial)
      : alone(candidates, (mode) => agreement(mode, owners));
  if (recognised) {
    const differences = differencesFrom(recognised, deciding, owners);
    return { live: recognised.name, reference: recognised.name, differences };
  }
  return {
    live: MIXED,
    reference: nearest(modes, deciding, owners, initial),
    differences: modes.flatMap((mode) => differencesFrom(mode, deciding, owners)),
  };
}

/** The streams of the topology that do not own the same subjects in every mode. */
function decidingStreams(topology: Topology, modes: Mode[]): string[] {
  return Object.keys(topology.streams).filter((name) => {
    const [first, ...rest] = modes.map((mode) => subjectsIn(mode, name));
    return rest.some((subjects) => !sameSet(first!, subjects));
  });
}

function readUndecided(topology: Topology, live: LiveAccount, modes: Mode[]): ModeReading {
  const initial = topology.environment.initialMode;
  if (live.streams.size === 0) return { live: NO_MODE, reference: initial, differences: [] };
  const name = byDurables(modes, live, initial).name;
  return { live: name, reference: name, differences: [] };
}

function byDurables(modes: Mode[], live: LiveAccount, initial: string): Mode {
  const complete = modes.filter((mode) =>
    Object.entries(mode.consumers).every(([name, { stream }]) =>
      live.streams.get(stream)?.consumers.some((consumer) => consumer.name === name),
    ),
  );
  if (complete.length === 1) return complete[0]!;
  return modes.find((mode) => mode.name === initial) ?? modes[0]!;
}

/** The modes that the account may be in although its owners fit none exactly. */
function plausible(modes: Mode[], owners: Owners): Mode[] {
  const owning = [...owners].filter(([, subjects]) => subjects.size > 0).map(([name]) => name);
  if (owning.length === 0) return [];
  return modes.filter((mode) => {
    if (owning.some((name) => subjectsIn(mode, name).size === 0)) return false;
    const others = modes.filter((other) => other !== mode);
    return ![...owners].some(
      ([name, subjects]) =>
        !fits(subjects, mode, name) && others.some((other) => fits(subjects, other, name)),
    );
  });
}

/** The only one with the highest score; undefined where there is none or it is not alone. */
function alone(modes: Mode[], score: (mode: Mode) => number): Mode | undefined {
  const scores = modes.map(score);
  const best = Math.max(...scores);
  const first = scores.indexOf(best);
  return scores.lastIndexOf(best) === first ? modes[first] : undefined;
}

/** How many subjects are with the stream that the mode gives them to. */
function agreement(mode: Mode, owners: Owners): number {
  let agreed = 0;
  for (const [name, subjects] of owners) {
    for (const subject of subjectsIn(mode, name)) if (subjects.has(subject)) agreed += 1;
  }
  return agreed;
}

/** What a `mixed` account is shown against: most streams fit; a tie goes to `initialMode`. */
function nearest(modes: Mode[], deciding: string[], owners: Owners, initial: string): string {
  const fitting = (mode: Mode) => deciding.filter((name) => fits(owners.get(name), mode, name)).length;
  const best = Math.max(...modes.map(fitting));
  const tied = modes.filter((mode) => fitting(mode) === best);
  return (tied.find((mode) => mode.name === initial) ?? tied[0]!).name;
}

function differencesFrom(mode: Mode, deciding: string[], owners: Owners): ModeDifference[] {
  return deciding
    .filter((name) => !fits(owners.get(name), mode, name))
    .map((stream) => {
      const given = subjectsIn(mode, stream);
      const owned = owners.get(stream) ?? new Set<string>();
      return {
        mode: mode.name,
        stream,
        missing: [...given].filter((subject) => !owned.has(subject)),
        extra: [...owned].filter((subject) => !given.has(subject)),
      };
    });
}

const subjectsIn = (mode: Mode, stream: string): Set<string> =>
  new Set(Object.hasOwn(mode.subjects, stream) ? mode.subjects[stream] : []);

const fits = (owned: Set<string> | undefined, mode: Mode, stream: string): boolean =>
  sameSet(owned ?? new Set(), subjectsIn(mode, stream));

const sameSet = (a: Set<string>, b: Set<string>): boolean =>
  a.size === b.size && [...a].every((one) => b.has(one));
