import { type TestDevice, nativeSuite, nobleSuite, testDevice } from 'latchkey/testing'

/** What WebCrypto of this engine made of one secret, beside @noble. */
export interface SuiteComparison {
  readonly secret: string
  /** `refused`: this engine takes the secret's key no further than an error. */
  readonly native: 'same' | 'different' | 'refused'
  /** Which implementation the library took when it was left to choose. */
  readonly chosen: 'native' | 'noble'
  /** The principal, public key and signature of the library's choice are those of @noble. */
  readonly isSame: boolean
}

const MESSAGE = new TextEncoder().encode('the same bytes from both')

/** Compares both implementations over secrets: the given ones, or as many fresh ones. */
export async function compareSuites(secrets: readonly string[] | number): Promise<SuiteComparison[]> {
  const given = typeof secrets === 'number' ? Array.from({ length: secrets }, () => undefined) : secrets
  const comparisons: SuiteComparison[] = []
  for (const secret of given) comparisons.push(await compare(secret))
  return comparisons
}

async function compare(given?: string): Promise<SuiteComparison> {
  const noble = await testDevice(given, nobleSuite)
  const { secret } = noble
  const expected = await fingerprint(noble)
  const native = await testDevice(secret, nativeSuite)
    .then(fingerprint)
    .catch(() => null)
  const chosen = await testDevice(secret)
  return {
    secret,
    native: native === null ? 'refused' : native === expected ? 'same' : 'different',
    chosen: chosen.key.suite,
    isSame: (await fingerprint(chosen)) === expected,
  }
}

async function fingerprint({ principal, key }: TestDevice): Promise<string> {
  return `${principal} ${key.x} ${(await key.sign(MESSAGE)).join()}`
}
