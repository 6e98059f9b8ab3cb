// Sends the browser's time zone to the server, which renders times in that zone (`zone.rs`).

/** Name of the browser's time zone. */
export const { timeZone } = Intl.DateTimeFormat().resolvedOptions();

const isSecure = location.protocol === "https:";
const cookie = `${isSecure ? "__Host-" : ""}portal_zone=${encodeURIComponent(timeZone)}`;
if (!document.cookie.includes(cookie)) {
  const secure = isSecure ? ";secure" : "";
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API lacks support
  document.cookie = `${cookie};path=/;max-age=31536000;samesite=lax${secure}`;
}
