/** A reason not to go on; its message is for the person who started the program, and repeats no secret. */
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
