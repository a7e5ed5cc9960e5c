import { element, setAttribute } from './dom.ts'
import { DOCKS, type Dock, type Preferences } from './preferences.ts'

/** The controls of place and size. */
export interface DockControls {
  /** Selects the place. */
  readonly select: HTMLElement
  /** Drag it, or press the arrow keys on it, to change the size. */
  readonly handle: HTMLElement
}

/** Size limits, in pixels. */
const MIN_SIZE_PX = 280
const MARGIN_PX = 32

/** As in `style/frame.ts`. */
const DEFAULT_WIDTH_PX = 440
const DEFAULT_HEIGHT_PX = 360

/** Change of size by one key press, in pixels. */
const STEP_PX = 24

/**
 * Lets the developer move and resize the panel.
 *
 * @param onChange - called with what to remember
 */
export function createDock(
  panel: HTMLElement,
  { dock: first, size: firstSize }: Pick<Preferences, 'dock' | 'size'>,
  onChange: (kept: Pick<Preferences, 'dock' | 'size'>) => void,
): DockControls {
  let [dock, size] = [first, firstSize]
  const select = element(
    'select',
    { class: 'dock', 'aria-label': 'Position' },
    ...DOCKS.map((name) => element('option', {}, name)),
  )
  const handle = element('div', {
    class: 'handle',
    role: 'separator',
    tabindex: '0',
    'aria-label': 'Size of the panel',
  })
  const isUpright = (): boolean => dock !== 'bottom'
  const largest = (): number => (isUpright() ? innerWidth : innerHeight) - MARGIN_PX
  const current = (): number => panel.getBoundingClientRect()[isUpright() ? 'width' : 'height']

  function apply(next: { readonly dock?: Dock; readonly size?: number | null }): void {
    dock = next.dock ?? dock
    size = next.size === undefined ? size : next.size
    select.value = dock
    setAttribute(panel, 'data-dock', dock)
    setAttribute(handle, 'aria-orientation', isUpright() ? 'vertical' : 'horizontal')
    setAttribute(handle, 'aria-valuenow', String(size ?? (isUpright() ? DEFAULT_WIDTH_PX : DEFAULT_HEIGHT_PX)))
    setAttribute(handle, 'aria-valuemin', String(MIN_SIZE_PX))
    setAttribute(handle, 'aria-valuemax', String(largest()))
    // Through the object model: a policy that forbids inline styles allows it.
    if (size === null) panel.style.removeProperty('--size')
    else panel.style.setProperty('--size', `${size}px`)
  }

  function resize(to: number): void {
    const next = Math.round(Math.max(MIN_SIZE_PX, Math.min(largest(), to)))
    apply({ size: next })
    onChange({ dock, size: next })
  }

  select.addEventListener('change', () => {
    // A height is no width.
    apply({ dock: select.value as Dock, size: null })
    onChange({ dock, size: null })
  })
  handle.addEventListener('keydown', ({ key }) => {
    const larger = { corner: 'ArrowLeft', right: 'ArrowLeft', left: 'ArrowRight', bottom: 'ArrowUp' }[dock]
    const isResize = (isUpright() ? ['ArrowLeft', 'ArrowRight'] : ['ArrowUp', 'ArrowDown']).includes(key)
    if (isResize) resize(current() + (key === larger ? STEP_PX : -STEP_PX))
  })
  drag(handle, ({ clientX, clientY }) =>
    resize(
      dock === 'bottom'
        ? innerHeight - clientY
        : dock === 'left'
          ? clientX
          : panel.getBoundingClientRect().right - clientX,
    ),
  )
  apply({})
  return { select, handle }
}

function drag(handle: HTMLElement, onMove: (event: PointerEvent) => void): void {
  handle.addEventListener('pointerdown', ({ pointerId }) => handle.setPointerCapture(pointerId))
  handle.addEventListener('pointermove', (event) => {
    if (handle.hasPointerCapture(event.pointerId)) onMove(event)
  })
}
