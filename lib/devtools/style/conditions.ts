/** Styles for phones, pointers and system preferences. Must come last. */
export const CONDITIONS = `
/* A phone: a sheet at the foot */

@media (max-width: 560px) {
  :host([open]) {
    inset: auto 0 0;
  }

  :host([open]) .panel {
    width: auto;
    max-height: 72dvh;
    border-width: 1px 0 0;
    border-radius: 16px 16px 0 0;
  }

  :host([open]) .header {
    height: 52px;
  }

  .body {
    padding-bottom: env(safe-area-inset-bottom);
  }

  .switch,
  fieldset {
    min-height: 40px;
  }

  .choice span {
    padding-block: 8px;
  }

  /* Below 16 px, phones zoom in. */
  select {
    height: 40px;
    font-size: 16px;
  }
}

@media (hover: hover) {
  .header:hover {
    background: var(--desk);
  }
}

@media (prefers-reduced-motion: reduce) {
  *,
  ::before {
    transition: none !important;
  }
}

@media (forced-colors: active) {
  .phase[data-is='present'] rect {
    fill: Highlight;
  }

  .phase[data-is='present'] text {
    fill: HighlightText;
  }

  .edge[data-is='taken'] path:not(.reach) {
    stroke: Highlight;
  }

  .choice :checked + span {
    outline: 2px solid Highlight;
  }
}

@media print {
  :host {
    display: none;
  }
}
`
