import type { TableName } from '../model/names.ts';
import type { SetupOptions } from '../postgres/stream-setup.ts';
import type { Progress, ProgressTask } from './application.ts';

export interface CopyProgress {
  /** To be handed to the setup. */
  readonly told: Required<Pick<SetupOptions, 'onPlan' | 'onChunk' | 'onTable'>>;
  /** Runs what comes after the rows, and says so. */
  after(work: () => Promise<void>): Promise<void>;
  /** Ends what is shown, however it went. */
  readonly end: () => void;
}

/** Shows an initial copy: rows, rate and time left, then the building of indexes and keys. Shows nothing where nothing is copied. */
export function copyProgress(progress: Progress, service: string): CopyProgress {
  let copying: ProgressTask | undefined;
  return {
    told: {
      onPlan: ({ expectedRows, finishedRows, finishedChunks, chunks }) => {
        if (finishedChunks > 0) progress.note(`${service}: the copy goes on; ${finishedRows} rows in ${finishedChunks} of ${chunks} chunks are there`);
        copying = progress.begin({ name: `copying ${service}`, total: Math.max(0, expectedRows - finishedRows), unit: 'rows' });
      },
      onChunk: (_table: TableName, rows: number) => copying?.advance(rows),
      onTable: (table: TableName, rows: number) => progress.note(`copied ${table}: ${rows} rows`),
    },
    after: async (work) => {
      copying?.done();
      copying = undefined;
      const building = progress.begin({ name: `building indexes, checks and foreign keys of ${service}` });
      try {
        await work();
        building.done();
      } catch (error) {
        building.failed();
        throw error;
      }
    },
    end: () => {
      copying?.failed('cut short');
      copying = undefined;
    },
  };
}
