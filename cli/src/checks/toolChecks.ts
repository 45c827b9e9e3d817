import { type Check, green, red, yellow } from './check.ts';

/** What package.json asks for. */
const OLDEST_NODE = [20, 19] as const;

export const nodeVersion: Check = {
  id: 'node',
  title: 'Node is new enough',
  runbook: 'Prerequisites, Tools Required',
  async run() {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
    const evidence = `Node ${process.versions.node}`;
    return isOld ? red(evidence, `install Node ${OLDEST_NODE.join('.')} or newer`) : green(evidence);
  },
};

export const knownModes: Check = {
  id: 'modes',
  title: 'There is a mode to go to and one to come back to',
  runbook: 'Prerequisites, Phase A Completion',
  async run({ topology }) {
    const names = Object.keys(topology.modes);
    const evidence = `modes ${names.join(', ')}`;
    return names.length > 1 ? green(evidence) : yellow(evidence, 'add a mode to the topology');
  },
};
