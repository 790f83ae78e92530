// @ts-check
/** Rows of one call (T6). */
export const BATCH = 1_000;

/** Call `act` for each thousand in turn. */
export async function inBatches(all, act) {
  for (let from = 0; from < all.length; from += BATCH) await act(all.slice(from, from + BATCH));
}
