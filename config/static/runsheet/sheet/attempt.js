// @ts-check
import { report } from "../ui/toast.js";

/** Do what was asked for, and say what went wrong: `doing` completes "Could not …". Answers whether it was done. */
export async function attempt(doing, act) {
  try {
    await act();
    return true;
  } catch (error) {
    report(error, doing);
    return false;
  }
}
