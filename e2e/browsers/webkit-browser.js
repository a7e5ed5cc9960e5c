// The smallest browser on WebKitGTK that WebDriver can steer: `gjs -m webkit-browser.js PROFILE kept|private|off`.
// Debian's MiniBrowser will not do: under WebDriver it keeps nothing on disk.
import GLib from 'gi://GLib'
import Gtk from 'gi://Gtk?version=3.0'
import WebKit from 'gi://WebKit2?version=4.1'
import { programArgs } from 'system'

const SIGTERM = 15

Gtk.init(null)

const [profile, storage] = programArgs
const manager =
  storage === 'private'
    ? WebKit.WebsiteDataManager.new_ephemeral()
    : new WebKit.WebsiteDataManager({ base_data_directory: profile, base_cache_directory: profile })
const settings = new WebKit.Settings()
// As in Apple's Lockdown Mode, pages then have neither IndexedDB nor locks.
if (storage === 'off') switchOff(['IndexedDBAPI', 'WebLocksAPI'])
const context = new WebKit.WebContext({ website_data_manager: manager })
context.set_automation_allowed(true)
context.connect('automation-started', (_, session) => {
  const application = new WebKit.ApplicationInfo()
  application.set_name('WebKitGTK')
  application.set_version(WebKit.get_major_version(), WebKit.get_minor_version(), WebKit.get_micro_version())
  session.set_application_info(application)
  session.connect('create-web-view', openWindow)
})

function switchOff(names) {
  const features = WebKit.Settings.get_all_features()
  for (let index = 0; index < features.get_length(); index++) {
    const feature = features.get(index)
    if (names.includes(feature.get_identifier())) settings.set_feature_enabled(feature, false)
  }
}

/** Each window has a web process of its own. */
function openWindow() {
  const view = new WebKit.WebView({ web_context: context, settings, is_controlled_by_automation: true })
  const window = new Gtk.Window({ default_width: 600, default_height: 400 })
  window.add(view)
  view.connect('close', () => window.destroy())
  window.show_all()
  return view
}

GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, SIGTERM, () => Gtk.main_quit())
print('ready')
Gtk.main()
