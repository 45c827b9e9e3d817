/** Says where else the local platform is. Read by `dev`, and by every command that looks for its servers and pods. */
export const DEV_DIR_VARIABLE = 'AA_OPS_DEV_DIR';

/** Below the current folder. */
export const DEFAULT_DEV_DIR = '.aa-ops/dev';

/** The folder of the local platform, where no `--dir` is given. */
export const devDir = (): string => process.env[DEV_DIR_VARIABLE] || DEFAULT_DEV_DIR;
