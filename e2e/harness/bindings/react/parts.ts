import { useAuth, useBackups, useDevices, useUpgrade } from 'latchkey/react'
import { Component, type ReactNode, createElement, useEffect, useState } from 'react'
import type { Part } from '../rig.ts'

interface Shown {
  readonly part: Part
}

function AuthPart({ part }: Shown): ReactNode {
  return line(part, useAuth(part.auth, part.select ?? ((state) => state)))
}

function UpgradePart({ part }: Shown): ReactNode {
  return line(part, useUpgrade(part.auth))
}

function DevicesPart({ part }: Shown): ReactNode {
  return line(part, useDevices(part.auth))
}

function BackupsPart({ part }: Shown): ReactNode {
  return line(part, useBackups(part.auth))
}

function FieldPart({ part }: Shown): ReactNode {
  const [field, setField] = useState<'authMode' | string>('authMode')
  useEffect(() => part.expose?.(setField), [part])
  return line(
    part,
    useAuth(part.auth, (state) => state[field as 'authMode']),
  )
}

function line({ id, show, isMarked }: Part, value: unknown): ReactNode {
  return createElement(
    'p',
    { 'data-testid': id },
    show(value as never),
    isMarked?.(value as never) && createElement('em'),
  )
}

class Boundary extends Component<{ children: ReactNode }, { hasFailed: boolean }> {
  static getDerivedStateFromError(): object {
    return { hasFailed: true }
  }

  override state = { hasFailed: false }

  override render(): ReactNode {
    return this.state.hasFailed ? null : this.props.children
  }
}

const KINDS = { auth: AuthPart, upgrade: UpgradePart, devices: DevicesPart, backups: BackupsPart, field: FieldPart }

export function Parts({ parts }: { readonly parts: readonly Part[] }): ReactNode {
  const children = parts.map((part) =>
    createElement(Boundary, { key: part.id, children: createElement(KINDS[part.use], { part }) }),
  )
  return createElement('main', null, children)
}
