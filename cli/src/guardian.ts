import { runGuardian } from './saga/guardian.ts';

runGuardian();
