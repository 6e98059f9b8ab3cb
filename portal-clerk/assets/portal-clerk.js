// Loads Clerk's script and mounts Clerk's components into their placeholders. A page without
// placeholders also loads the script if the user is signed in: session tokens are valid for about a
// minute, and the script renews them while the page is open.
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

  // Clerk would resolve relative URLs against its own origin.
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
      // Removes the fallback content, which is for pages without the script.
      node.replaceChildren();
      node.dataset.clerkMounted = "";
      node.hidden = false;
      part(clerk, node);
    }
  };

  // Reloads the page after the user signed out elsewhere and may no longer see it. Reloads only
  // once, because otherwise the page would reload forever if the server still accepted the old
  // token.
  const reloadOnce = () => {
    const last = Number(sessionStorage.getItem("portal-clerk-left"));
    if (Date.now() - last < 120_000) return;
    sessionStorage.setItem("portal-clerk-left", Date.now());
    location.reload();
  };

  // If the portal rejects a session that Clerk accepts, Clerk's form redirects the user to a page
  // that redirects back. On the second pass, the session is ended to prevent an endless loop.
  const isRejected = async (clerk) => {
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
      clerk.addListener(({ session }) => session === null && reloadOnce());
      if (!clerk.session) reloadOnce();
    }
    if (await isRejected(clerk)) return;
    mount(clerk, document);
    // Mounts components in content that htmx loads after the page.
    document.addEventListener("htmx:after:swap", () => mount(clerk, document));
  };
  start().catch((error) => {
    document.documentElement.dataset.clerk = "unavailable";
    console.warn("failed to load Clerk's script", error);
  });
})();
