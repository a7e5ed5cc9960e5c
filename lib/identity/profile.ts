/**
 * A further identity that a device secret has, besides the principal of `latchkey/v1`. For example `jazzProfile` of
 * `latchkey/jazz`.
 */
export interface IdentityProfile {
  /** For example `jazz/2`. */
  readonly name: string
  /**
   * Returns the identity's id.
   *
   * @param secret - as from `auth.exportSecret()`
   */
  idOf(secret: string): Promise<string>
}

/** Ids of further identities, by the name of the profile. */
export type IdentityIds = Readonly<Record<string, string>>

/** Returns the ids of a secret in each profile as a member, or no member without profiles. */
export async function idsOf(
  { profiles = [] }: { readonly profiles?: readonly IdentityProfile[] },
  secret: string,
): Promise<{ readonly ids?: IdentityIds }> {
  const ids = await Promise.all(profiles.map(async ({ name, idOf }) => [name, await idOf(secret)] as const))
  return ids[0] ? { ids: Object.fromEntries(ids) } : {}
}
