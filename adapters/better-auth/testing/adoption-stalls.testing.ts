import type { Scenario } from './adoption.testing.ts'

type Act = Scenario['acts'][number]
type State = Scenario['devices'][number]['state']

const act = (kind: Act['kind'], account: number): Act => ({ kind, account, device: 0 })
const scene = (accounts: Scenario['accounts'], state: State, ...acts: Act[]): Scenario => ({
  accounts,
  devices: [{ state, of: 0 }],
  acts,
  order: null,
})

/** Each of these has lost or doubled something while a defence was missing. */
const ALWAYS: Record<string, Scenario> = {
  'a link out of a left reservation, while the same principal is bound': scene(
    ['bound', 'open'],
    'left',
    act('link', 0),
    act('bind', 1),
  ),
  'a link out of a released one, while the same principal is bound': scene(
    ['bound', 'open'],
    'released',
    act('link', 0),
    act('bind', 1),
  ),
  'a link, while a sign-up takes the principal': scene(['bound', 'old'], 'left', act('link', 0), act('sign-up', 1)),
  'a link, while the account is reset': scene(['old', 'old'], 'new', act('link', 0), act('reset', 0)),
  'an undo, while the account links the principal again': scene(
    ['bound', 'old'],
    'alias',
    act('unlink', 0),
    act('unlink', 0),
    act('link', 0),
  ),
  'a deletion, while an alias is given up': scene(['bound', 'old'], 'alias', act('remove', 0), act('unlink', 0)),
  'a look, while the account is reset': scene(
    ['bound', 'old'],
    'alias',
    act('look', 0),
    act('reset', 0),
    act('look', 0),
  ),
  'a look, while the account is reset and links again': scene(
    ['old', 'old'],
    'alias',
    act('look', 0),
    act('reset', 0),
    act('link', 0),
  ),
}

const MORE: Record<string, Scenario> = {
  'a link, while the same principal is bound': scene(['bound', 'open'], 'new', act('link', 0), act('bind', 1)),
  'a bind, while the same principal is linked': scene(['open', 'bound'], 'new', act('bind', 0), act('link', 1)),
  'a bind out of a left reservation, while the same principal is linked': scene(
    ['open', 'bound'],
    'left',
    act('bind', 0),
    act('link', 1),
  ),
  'a bind, while a sign-up takes the principal': scene(['open', 'old'], 'left', act('bind', 0), act('sign-up', 1)),
  'a link, while another account links the principal': scene(
    ['old', 'bound'],
    'lapsed',
    act('link', 0),
    act('link', 1),
  ),
  'a link, while the same account links it and gives it up': scene(
    ['bound', 'old'],
    'held',
    act('link', 0),
    act('link', 0),
    act('unlink', 0),
  ),
  'a link of what is held, while the account is reset by a proof of its mailbox': scene(
    ['bound', 'old'],
    'held',
    act('link', 0),
    act('link', 0),
    act('reset', 0),
  ),
  'an undo, while the account is deleted': scene(['bound', 'old'], 'alias', act('unlink', 0), act('remove', 0)),
  'a deletion, while a principal is linked to an account that has none': scene(
    ['old', 'old'],
    'new',
    act('remove', 0),
    act('link', 0),
  ),
  'a link, while the account is deleted': scene(['old', 'old'], 'new', act('link', 0), act('remove', 0)),
  'a reset, while the account links and looks': scene(
    ['bound', 'old'],
    'new',
    act('reset', 0),
    act('link', 0),
    act('look', 0),
  ),
  'an undo, while the account is reset': scene(
    ['old', 'bound'],
    'alias',
    act('unlink', 0),
    act('reset', 0),
    act('link', 1),
  ),
}

/**
 * The first request stalls before each of its statements in turn, until the others have ended. `npm run test:stress`
 * has more.
 */
export const STALLS: Record<string, Scenario> = process.env['LATCHKEY_ROUNDS'] ? { ...ALWAYS, ...MORE } : ALWAYS
