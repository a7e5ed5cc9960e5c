/** The part of `expo-file-system` that is used. */
export interface FileSystemModule {
  readonly File: new (folder: never, name: string) => MarkFile
  readonly Paths: { readonly cache: unknown; readonly document: unknown }
}

/** A file of `expo-file-system`. Its methods are synchronous. */
export interface MarkFile {
  readonly exists: boolean
  /** Creates the file. */
  create(): void
}

/**
 * Two empty files that are deleted with the installation, unlike the keychain of iOS. One alone cannot answer both
 * questions: the system may empty the folder that no backup contains, and a backup may contain the folder that the
 * system never empties.
 */
export interface InstallMarks {
  /** True if a record existed in this installation, as far as is known. Never true for a restored backup. */
  hadRecord(): boolean
  /** True if no record was ever written in this installation, for certain. */
  isNew(): boolean
  /** To be called before a record is written. */
  beforeRecord(): void
  /** To be called once a record is stored. */
  afterRecord(): void
}

/**
 * @param name - of the store, as a part of a file name
 * @throws {TypeError} an old version of the module, which has no synchronous files
 */
export function installMarks({ File, Paths }: FileSystemModule, name: string): InstallMarks {
  if (typeof File !== 'function' || !Paths?.cache || !Paths.document)
    throw new TypeError('FileSystem: expected the module expo-file-system of Expo SDK 54 or later')
  // Documents: never emptied by the system. A backup may contain it.
  const begun = (): MarkFile => new File(Paths.document as never, `${name}.begun`)
  // Caches: in no backup and no transfer to another phone. The system may empty it.
  const kept = (): MarkFile => new File(Paths.cache as never, `${name}.kept`)
  return {
    hadRecord: () => exists(kept) === true,
    isNew: () => exists(begun) === false && exists(kept) === false,
    beforeRecord: () => leave(begun),
    afterRecord() {
      leave(begun)
      leave(kept)
    },
  }
}

/** Undefined if it cannot be determined. */
function exists(file: () => MarkFile): boolean | undefined {
  try {
    return file().exists
  } catch {
    return undefined
  }
}

/** A mark is a hint: without it the record is still there. */
function leave(file: () => MarkFile): void {
  try {
    const mark = file()
    if (!mark.exists) mark.create()
  } catch {}
}
