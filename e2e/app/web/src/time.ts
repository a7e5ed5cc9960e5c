const DAY = 24 * 60 * 60 * 1000

const hour = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' })
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })

/** Formats a moment as briefly as possible: the time today, the weekday this week, otherwise the date. */
export function briefTime(moment: number, now = Date.now()): string {
  const midnight = new Date(now).setHours(0, 0, 0, 0)
  if (moment >= midnight) return hour.format(moment)
  if (moment >= midnight - 6 * DAY) return weekday.format(moment)
  return new Date(moment).getFullYear() === new Date(now).getFullYear() ? date.format(moment) : full.format(moment)
}
