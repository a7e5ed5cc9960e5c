import { LatchkeyError } from '../../lib/index.ts'

/**
 * Waits for the import of an optional peer.
 *
 * @param name - of the package
 * @throws {LatchkeyError} `TEST_PACKAGE_MISSING`
 */
export async function loadPackage<Module>(name: string, loading: Promise<Module>): Promise<Module> {
  try {
    return await loading
  } catch (error) {
    throw new LatchkeyError('TEST_PACKAGE_MISSING', `npm install --save-dev ${name}`, error)
  }
}
