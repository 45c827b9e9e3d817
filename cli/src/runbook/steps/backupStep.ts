import { join } from 'node:path';
import { writeBackup } from '../../backup/writeBackup.ts';
import type { Step } from '../step.ts';

export const backupStep: Step = {
  id: 'backup',
  title: 'Back up configuration and state',
  runbook: 'Pre-Deployment, Step 1: Backup Current State',
  async run(context) {
    const { dir, files } = await writeBackup(context, join(context.runsDir, context.run.id));
    return { note: `${files.length} files in ${dir}` };
  },
};
