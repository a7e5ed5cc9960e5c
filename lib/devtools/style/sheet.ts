import { CONDITIONS } from './conditions.ts'
import { CONTENTS } from './contents.ts'
import { DIAGRAM } from './diagram.ts'
import { FRAME } from './frame.ts'
import { SWITCHES } from './switches.ts'

/** A constructed sheet: a content security policy that forbids inline styles still allows it. */
export function createSheet(): CSSStyleSheet {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(FRAME + CONTENTS + DIAGRAM + SWITCHES + CONDITIONS)
  return sheet
}
