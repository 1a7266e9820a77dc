import type { HazardDetail, MigrationScript } from './finding.ts';

/** The hazards of a script in words, the tables' sizes with them; empty: none. */
export function hazardText({ hazards, hazard_details: details }: MigrationScript): string {
  return details ? hazardDetailsText(details) : hazards.join(', ');
}

/** Those of its rollback. */
export function rollbackHazardText({ rollback_hazard_details: details = [] }: Pick<MigrationScript, 'rollback_hazard_details'>): string {
  return hazardDetailsText(details);
}

export function hazardDetailsText(details: readonly HazardDetail[]): string {
  return details.map(detailText).join(', ');
}

function detailText({ hazard, relation, rows, bytes, severity }: HazardDetail): string {
  const size = rows === null && bytes === null ? 'size unknown' : `${severity}: ${[...(rows === null ? [] : [`about ${rows} rows`]), ...(bytes === null ? [] : [bytesText(bytes)])].join(', ')}`;
  return relation === null ? hazard : `${hazard} of ${relation} (${size})`;
}

/** `8 KiB`, `3.2 GiB`. */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
  const at = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** at).toFixed(1))} ${units[at] ?? 'bytes'}`;
}
