/** What a user agent says about a device, in names from this file only: no text of the header is shown. */
export interface Described {
  readonly name: string
  /** Null if it is unknown. */
  readonly platform: string | null
}

/** The order matters: each browser's header also contains the words of the later ones. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\bOPR\/|\bOpera\b/, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b((Headless)?Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
]

const PLATFORMS: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b|\biPod\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMacintosh\b|\bDarwin\//, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
]

/** Longest part of the header that is read, in characters. */
const MAX_READ_CHARACTERS = 512

/** Returns a name such as `Firefox on Windows` for a `User-Agent` header (RFC 9110 §10.1.5), at most 40 characters. */
export function describeUserAgent(header: string | null | undefined): Described {
  const text = (header ?? '').slice(0, MAX_READ_CHARACTERS)
  const find = (table: typeof BROWSERS): string | null => table.find(([words]) => words.test(text))?.[1] ?? null
  const [browser, platform] = [find(BROWSERS), find(PLATFORMS)]
  return {
    name: browser && platform ? `${browser} on ${platform}` : (browser ?? platform ?? 'Unknown device'),
    platform,
  }
}
