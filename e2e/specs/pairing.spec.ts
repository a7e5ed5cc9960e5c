import type { BrowserContext } from '@playwright/test'
import { expect, test } from '../support/harness.ts'

interface Slot {
  seq: number
  data: string
  tx: string
}

/** Answers as the rendezvous of the Better Auth plugin, for every browser context that it is given. */
function rendezvous(): (context: BrowserContext) => Promise<unknown> {
  const slots = new Map<string, Slot>()
  const answer = (path: string, { channel, ...message }: Slot & { channel: string }): object | null => {
    const slot = slots.get(channel)
    if (path === '' && message.seq === (slot ? slot.seq + 1 : 0)) slots.set(channel, message)
    if (path === '/delete') slots.delete(channel)
    const { seq, data } = slots.get(channel) ?? {}
    if (path === '/delete') return { status: true }
    return seq === undefined ? null : { seq, data, isContested: false, expiresIn: 300_000, now: Date.now() }
  }
  return (context) =>
    context.route('**/api/auth/latchkey/rendezvous**', (route) => {
      const [, path = ''] = route.request().url().split('/latchkey/rendezvous')
      const json = answer(path, route.request().postDataJSON() as Slot & { channel: string })
      return json ? route.fulfill({ json }) : route.fulfill({ status: 404, json: { code: 'RENDEZVOUS_ENDED' } })
    })
}

test('a second browser gets the identity of the first one by a code, and both have it after a reload (checklist 29: by pairing another device)', async ({
  device,
  harnessUrl,
}) => {
  const serve = rendezvous()
  const open = async (name: string) => {
    const { context, page } = await device()
    await serve(context)
    await page.goto(harnessUrl)
    const principal = await page.evaluate((deviceName) => harness.openPairingDevice(deviceName), name)
    return { page, principal }
  }
  const [old, fresh] = [await open('laptop'), await open('phone')]
  expect(fresh.principal).not.toBe(old.principal)

  const link = await old.page.evaluate(async () => {
    const device = harness.pairingDevice()
    device.shown = await device.pairing.addDevice({ label: '3 notes' })
    return device.shown.text
  })
  // The link alone does nothing: it is opened, and only the click joins.
  await fresh.page.goto(link)
  await fresh.page.evaluate(() => harness.openPairingDevice('phone'))
  const joining = fresh.page.evaluate(async () => {
    const device = harness.pairingDevice()
    device.arrival = await device.pairing.join(location.href)
    return [device.arrival.name, device.arrival.checkCode] as const
  })
  const asking = await old.page.evaluate(async () => {
    const device = harness.pairingDevice()
    device.approval = await device.shown!.met()
    return device.approval.name
  })
  const [from, digits] = await joining
  expect([from, asking]).toEqual(['laptop', 'phone'])

  const approved = old.page.evaluate(async (typed) => {
    const { approval } = harness.pairingDevice()
    await approval!.check(typed)
    return approval!.approve()
  }, digits)
  const accepted = await fresh.page.evaluate(async () => {
    const { auth, arrival } = harness.pairingDevice()
    const offer = await arrival!.offer()
    const before = auth.getState().session!.principal
    if (offer.mode === 'secret') await offer.accept({ replace: true })
    return { label: offer.label, before, after: auth.getState().session!.principal }
  })
  expect(accepted).toEqual({ label: '3 notes', before: fresh.principal, after: old.principal })
  expect(await approved).toBe('done')

  for (const { page } of [old, fresh]) {
    await page.goto(harnessUrl)
    expect(await page.evaluate(() => harness.openPairingDevice('again'))).toBe(old.principal)
    expect(await page.evaluate(() => harness.pairingDevice().auth.listIdentities())).toEqual([])
  }
})
