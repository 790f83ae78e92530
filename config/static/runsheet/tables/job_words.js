// @ts-check
/** Jobs in words: imports, bulk updates and bulk deletes. Pure. */
import { count, plural } from "../format.js";

export const isActive = (job) => job.status === "queued" || job.status === "running";

const KINDS = { import: ["Import", "imported"], update: ["Update", "updated"], delete: ["Delete", "deleted"] };

/** "Import of people.csv" */
export const title = (job) =>
  job.kind === "import" ? `Import of ${job.filename || "a file"}` : `${KINDS[job.kind]?.[0] || job.kind} of rows`;

/** How far it is, from 0 to 1; null while that is not known. */
export function share({ progress: { bytes_done: bytes, bytes_total: all, rows_done: rows, rows_total: total } }) {
  const [done, whole] = all ? [bytes, all] : [rows, total];
  return whole ? Math.min(1, done / whole) : null;
}

/** "41,208 rows imported, 12 refused" */
export function figures(job) {
  const {
    rows_done: done,
    rows_rejected: refused,
    rows_inserted: added,
    rows_updated: updated,
    rows_unchanged: same,
    rows_deleted: gone,
  } = job.progress;
  if (job.status === "queued") return "Waits for a worker";
  const parts =
    job.kind === "import" && job.mode === "upsert"
      ? [`${plural(updated || 0, "row")} updated`, `${count(added || 0)} added`, same && `${count(same)} unchanged`]
      : [
          `${plural(done, "row")} ${KINDS[job.kind]?.[1] || "done"}`,
          job.mode === "replace" && gone && `${count(gone)} old ones removed`,
        ];
  return [...parts, refused && `${count(refused)} refused`].filter(Boolean).join(", ");
}

/** How it ended, in one sentence. */
export function outcome(job) {
  if (job.status === "completed") return `${figures(job)}.`;
  const why = job.error?.message || `It is ${job.status}.`;
  return job.status === "cancelled" ? why : `It could not finish: ${why}`;
}
