// @ts-check
/** Preact with htm templates: what panels are drawn with. Text is text: nothing here takes markup from data. */
import { h, render } from "../vendor/preact.js";
import { useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-hooks.js";
import htm from "../vendor/htm.js";

export const html = htm.bind(h);
export { render, useEffect, useLayoutEffect, useRef, useState };

const PATHS = {
  play: "M2 1.2v11.6L12 7z",
  stop: "M2 2h10v10H2z",
};

/** A small filled sign that says nothing by itself. */
export const icon = (name) =>
  html`<svg width="10" height="10" viewBox="0 0 14 14" fill="currentColor" aria-hidden="true">
    <path d=${PATHS[name]} />
  </svg>`;

/** A cross for closing things. */
export const cross = html`<svg
  width="12"
  height="12"
  viewBox="0 0 12 12"
  fill="none"
  stroke="currentColor"
  stroke-width="1.6"
  aria-hidden="true"
>
  <path d="M2 2l8 8M10 2l-8 8" />
</svg>`;
