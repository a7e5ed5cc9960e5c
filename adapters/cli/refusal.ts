/** An expected failure. Its message is shown to the operator and contains no secret. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/**
 * Loads a part that needs an optional package.
 *
 * @throws {Refusal} the package is not installed
 */
export async function loadPeer<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(`'${name}'`)) throw error
    throw new Refusal(`This needs the package ${name}, which is not installed: npm install ${name}`)
  }
}
