/** Styles of the switches. */
export const SWITCHES = `
/* Switches */

.switches {
  display: grid;
  gap: 8px;
  border-block: 1px solid var(--line);
}

.switch,
fieldset {
  display: grid;
  grid-template-columns: 84px minmax(0, 1fr) auto;
  align-items: center;
  min-height: 28px;
}

.switch {
  cursor: pointer;
}

.switch small {
  color: var(--soft);
  font-size: 13px;
  font-weight: 400;
}

legend {
  float: left;
  padding: 0;
}

.switch input {
  appearance: none;
  position: relative;
  width: 40px;
  height: 24px;
  margin: 0;
  border: 1px solid var(--line-strong);
  border-radius: 12px;
  background: var(--track);
  cursor: pointer;
  transition: background 160ms;
}

.switch input::before {
  position: absolute;
  inset: 3px auto auto 3px;
  width: 16px;
  height: 16px;
  border-radius: 50%;
  background: var(--line-strong);
  content: '';
  transition: translate 160ms;
}

.switch input:checked {
  border-color: var(--accent);
  background: var(--accent);
}

.switch input:checked::before {
  background: var(--on-accent);
  translate: 16px;
}

.switch input:focus-visible,
.choice:focus-within:has(:focus-visible) {
  outline: 2px solid var(--accent);
  outline-offset: 2px;
}

.choice {
  display: flex;
  grid-column: 2 / -1;
  padding: 2px;
  border-radius: 8px;
  background: var(--track);
}

.choice label {
  position: relative;
  flex: 1;
}

.choice input {
  position: absolute;
  inset: 0;
  margin: 0;
  opacity: 0;
  cursor: pointer;
}

.choice span {
  display: block;
  padding: 2px 4px;
  border-radius: 6px;
  text-align: center;
  white-space: nowrap;
  transition: background 160ms;
}

.choice :checked + span {
  background: var(--chosen);
  box-shadow: 0 1px 2px rgb(0 0 0 / 16%);
  font-weight: 600;
}
`
