import type { Step } from '../step.ts';
import { backupStep } from './backupStep.ts';
import { checksStep } from './checksStep.ts';
import { configStep } from './configStep.ts';
import { consumersStep } from './consumersStep.ts';
import { expandStep } from './expandStep.ts';
import { handoverStep } from './handoverStep.ts';
import { planStep } from './planStep.ts';
import { preflightStep } from './preflightStep.ts';
import { restartConsumersStep, restartProducersStep } from './restartSteps.ts';
import { verifyStep } from './verifyStep.ts';

/** The runbook, in order. A way back walks the same steps with the modes exchanged. */
export const STEPS: readonly Step[] = [
  preflightStep,
  backupStep,
  planStep,
  expandStep,
  consumersStep,
  configStep,
  restartConsumersStep,
  restartProducersStep,
  checksStep,
  handoverStep,
  verifyStep,
];
