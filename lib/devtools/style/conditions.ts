/** Styles for phones, pointers and system preferences. Must come last. */
export const CONDITIONS = `
/* A phone: a sheet at the foot */

@media (max-width: 560px) {
  :host([open]) {
    inset: auto 0 0;
  }

  :host([open]) .panel,
  :host([open]) .panel[data-dock] {
    position: relative;
    inset: auto;
    width: auto;
    height: 72dvh;
    border-width: 1px 0 0;
    border-radius: 16px 16px 0 0;
  }

  .handle,
  .dock {
    display: none;
  }

  .button,
  [type='search'],
  [role='tab'],
  .scroller summary {
    min-height: 40px;
  }

  [type='search'] {
    font-size: 16px;
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
  .badge circle,
  .phase rect {
    fill: Canvas;
    stroke: CanvasText;
  }

  .phase text,
  .badge text {
    fill: CanvasText;
  }

  .edge path:not(.reach) {
    stroke: GrayText;
  }

  .phase[data-is='present'] rect {
    fill: Highlight;
  }

  .phase[data-is='present'] text {
    fill: HighlightText;
  }

  .edge[data-is='taken'] path:not(.reach) {
    stroke: Highlight;
  }

  .choice :checked + span,
  .button[aria-pressed='true'] {
    outline: 2px solid Highlight;
  }

  /* A transparent border would be drawn. */
  [role='tab'] {
    border-color: Canvas;
  }

  [role='tab'][aria-selected='true'] {
    border-color: Highlight;
  }

  /* Its parts are painted, which forced colours would leave out. */
  .switch input {
    border-color: ButtonText;
  }

  .switch input::before {
    background: ButtonText;
    forced-color-adjust: none;
  }

  .switch input:checked {
    background: Highlight;
    forced-color-adjust: none;
  }

  .switch input:checked::before {
    background: HighlightText;
  }
}

@media print {
  :host {
    display: none;
  }
}
`
