import {
  ChangeDetectionStrategy,
  Component,
  ErrorHandler,
  InjectionToken,
  Injector,
  type Provider,
  type Signal,
  inject,
  provideZonelessChangeDetection,
  runInInjectionContext,
  signal,
} from '@angular/core'
import type { AuthState } from 'latchkey'
import { injectAuth, injectBackups, injectDevices, injectUpgrade } from 'latchkey/angular'
import type { Part } from '../rig.ts'

const PARTS = new InjectionToken<readonly Part[]>('parts')

function use({ auth, select, ...part }: Part): Signal<unknown> {
  if (part.use === 'upgrade') return injectUpgrade(auth)
  if (part.use === 'devices') return injectDevices(auth)
  if (part.use === 'backups') return injectBackups(auth)
  if (part.use === 'auth') return select ? injectAuth(auth, select) : injectAuth(auth)
  const field = signal<keyof AuthState>('authMode')
  part.expose?.((next) => field.set(next))
  return injectAuth(auth, (state) => state[field()])
}

class PartComponent {
  part!: Part
  value!: Signal<unknown>
  readonly #injector = inject(Injector)

  ngOnInit(): void {
    this.value = runInInjectionContext(this.#injector, () => use(this.part))
  }
}

Component({
  selector: 'latchkey-part',
  standalone: true,
  inputs: ['part'],
  changeDetection: ChangeDetectionStrategy.OnPush,
  template: '<p [attr.data-testid]="part.id">{{ part.show(value()) }}@if (part.isMarked?.(value())) {<em></em>}</p>',
})(PartComponent)

export class PartsComponent {
  readonly parts = inject(PARTS)
}

Component({
  selector: 'latchkey-parts',
  standalone: true,
  imports: [PartComponent],
  changeDetection: ChangeDetectionStrategy.OnPush,
  template: '<main>@for (part of parts; track part.id) {<latchkey-part [part]="part" />}</main>',
})(PartsComponent)

export function provideParts(parts: readonly Part[], onError?: (error: unknown) => void): Provider[] {
  return [
    provideZonelessChangeDetection() as unknown as Provider,
    { provide: PARTS, useValue: parts },
    ...(onError ? [{ provide: ErrorHandler, useValue: { handleError: onError } }] : []),
  ]
}
