// @ts-check
/** Elements made without templates, which the grid itself is built from; and what is asked of keys. */

/**
 * @param {string} tag
 * @param {Object<string, any>} [attributes] null and false set none, true an empty one
 * @param {...(Node|string)} children
 * @returns {any}
 */
export function make(tag, attributes = {}, ...children) {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) found.setAttribute(name, value === true ? "" : String(value));
  }
  found.append(...children);
  return found;
}

/** Whether Ctrl is held, or Command on a Mac. */
export const isCtrl = (event) => event.ctrlKey || event.metaKey;
