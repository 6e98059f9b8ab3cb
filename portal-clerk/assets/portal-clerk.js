// Loads Clerk's script and puts Clerk's parts where a page has room for them. A page without them
// still loads the script for a signed-in reader: session tokens live for about a minute, and it
// is what renews them while the page is open.
(() => {
  "use strict";
  const { clerkSrc, uiSrc, publishableKey, signInUrl, signUpUrl, home, signedIn } = document.currentScript.dataset;
  const script = (src, attributes = {}) =>
    new Promise((resolve, reject) => {
      const node = document.createElement("script");
      Object.assign(node, { src, async: true, crossOrigin: "anonymous", onload: resolve, onerror: reject });
      for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
      document.head.append(node);
    });

  // Relative addresses would be taken for Clerk's own.
  const absolute = (path) => path && new URL(path, location.href).href;
  const MOUNT = {
    "sign-in": (clerk, node) =>
      clerk.mountSignIn(node, { signUpUrl, forceRedirectUrl: absolute(node.dataset.returnTo) }),
    "sign-up": (clerk, node) =>
      clerk.mountSignUp(node, { signInUrl, forceRedirectUrl: absolute(node.dataset.returnTo) }),
    "user-button": (clerk, node) => clerk.mountUserButton(node, { afterSignOutUrl: home }),
    "user-profile": (clerk, node) => clerk.mountUserProfile(node, { routing: "hash" }),
  };
  const mount = (clerk, root) => {
    for (const node of root.querySelectorAll("[data-clerk-part]:not([data-clerk-mounted])")) {
      const part = MOUNT[node.dataset.clerkPart];
      if (!part) continue;
      // What stood there until now was for the time without the script.
      node.replaceChildren();
      node.dataset.clerkMounted = "";
      node.hidden = false;
      part(clerk, node);
    }
  };

  // Signed out elsewhere: what is on the screen is no longer his to see. Once only: should the server
  // still take the old token, the page would never come to rest.
  const leave = () => {
    const last = Number(sessionStorage.getItem("portal-clerk-left"));
    if (Date.now() - last < 120_000) return;
    sessionStorage.setItem("portal-clerk-left", Date.now());
    location.reload();
  };

  // Clerk has a session that the portal does not take: its form would send the reader on to where he
  // is sent back from. The second time round the session is ended in the place of going on for ever.
  const isRefused = async (clerk) => {
    const form = document.querySelector('[data-clerk-part="sign-in"],[data-clerk-part="sign-up"]');
    if (signedIn !== undefined || !clerk.session || !form) return false;
    const last = Number(sessionStorage.getItem("portal-clerk-refused"));
    sessionStorage.setItem("portal-clerk-refused", Date.now());
    if (Date.now() - last > 30_000) return false;
    await clerk.signOut({ redirectUrl: signInUrl });
    return true;
  };

  const start = async () => {
    await Promise.all([
      script(clerkSrc, { "data-clerk-publishable-key": publishableKey }),
      uiSrc && script(uiSrc),
    ]);
    const clerk = window.Clerk;
    const ui = window.__internal_ClerkUICtor;
    await clerk.load({ ...(ui && { ui: { ClerkUI: ui } }), signInUrl, signUpUrl, afterSignOutUrl: home });
    if (signedIn !== undefined) {
      clerk.addListener(({ session }) => session === null && leave());
      if (!clerk.session) leave();
    }
    if (await isRefused(clerk)) return;
    mount(clerk, document);
    // What htmx brings in later.
    document.addEventListener("htmx:after:swap", () => mount(clerk, document));
  };
  start().catch((error) => {
    document.documentElement.dataset.clerk = "unavailable";
    console.warn("Clerk's script could not be loaded", error);
  });
})();
