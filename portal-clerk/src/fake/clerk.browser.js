// Replaces clerk-js: maintains the session cookie and mounts the UI script's components.
"use strict";
(() => {
  const frontendApi = new URL(document.currentScript.src).origin;

  const cookie = (name) => {
    const pair = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
    return pair && pair.slice(name.length + 1);
  };
  const setCookie = (name, value, maxAge) => {
    document.cookie = `${name}=${value}; Path=/; SameSite=Lax; Max-Age=${maxAge}`;
  };
  const YEAR = 31536000;

  class Clerk {
    constructor() {
      this.frontendApi = frontendApi;
      this.loaded = false;
      this.client = undefined;
      this.session = undefined;
      this.user = undefined;
      this.listeners = new Set();
    }

    get isSignedIn() {
      return Boolean(this.session);
    }

    async request(path, method) {
      const url = new URL(path, frontendApi);
      const browser = cookie("__clerk_db_jwt");
      if (browser) url.searchParams.set("__clerk_db_jwt", browser);
      const response = await fetch(url, { method: method || "GET", credentials: "include" });
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
      return response.json();
    }

    async load(options) {
      this.options = options || {};
      const UI = this.options.ui && this.options.ui.ClerkUI;
      this.ui = UI ? new UI(this) : undefined;
      this.applyClient(await this.request("/v1/client"));
      this.loaded = true;
    }

    applyClient(client) {
      this.client = client;
      if (!client.session) {
        this.session = this.user = null;
        setCookie("__session", "", 0);
        setCookie("__client_uat", "0", YEAR);
      } else {
        const { id, user, token } = client.session;
        const address = user.email_addresses.find((a) => a.id === user.primary_email_address_id);
        this.user = {
          id: user.id,
          firstName: user.first_name,
          lastName: user.last_name,
          imageUrl: user.image_url,
          primaryEmailAddress: { emailAddress: address ? address.email_address : "" },
        };
        this.session = { id, status: "active", user: this.user, getToken: () => this.renew() };
        setCookie("__client_uat", String(client.updated_at), YEAR);
        this.storeToken(token);
      }
      for (const listener of this.listeners) listener(this.resources());
    }

    storeToken(token) {
      setCookie("__session", token, YEAR);
      clearTimeout(this.timer);
      if (!this.client.renews) return;
      const claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
      const half = Math.max(500, (claims.exp - claims.iat) * 500);
      this.timer = setTimeout(() => this.renew().catch(() => {}), half);
    }

    async renew() {
      if (!this.session) return null;
      const { jwt } = await this.request(`/v1/client/sessions/${this.session.id}/tokens`, "POST");
      this.storeToken(jwt);
      return jwt;
    }

    resources() {
      return { client: this.client, session: this.session, user: this.user };
    }

    addListener(listener) {
      this.listeners.add(listener);
      if (this.loaded) listener(this.resources());
      return () => this.listeners.delete(listener);
    }

    async signOut(options) {
      if (this.session) await this.request(`/v1/client/sessions/${this.session.id}/end`, "POST");
      this.applyClient({ session: null, updated_at: 0 });
      const redirectUrl = options && options.redirectUrl;
      window.location.href = redirectUrl || this.options.afterSignOutUrl || "/";
    }

    mount(node, render) {
      if (!this.loaded) throw new Error("Clerk is not loaded");
      node.replaceChildren(render());
    }

    requireUi() {
      if (!this.ui) throw new Error("Clerk was not loaded with Ui components");
      return this.ui;
    }

    redirectTarget(props) {
      const options = props || {};
      const redirectUrl = options.forceRedirectUrl || options.fallbackRedirectUrl || "/";
      return new URL(redirectUrl, window.location.href).href;
    }

    mountSignIn(node, props) {
      this.mount(node, () => this.requireUi().signIn("/sign-in", this.redirectTarget(props), "Sign in with Clerk"));
    }

    mountSignUp(node, props) {
      this.mount(node, () => this.requireUi().signIn("/sign-up", this.redirectTarget(props), "Sign up with Clerk"));
    }

    mountUserButton(node) {
      this.mount(node, () => this.requireUi().userButton());
    }

    mountUserProfile(node) {
      this.mount(node, () => this.requireUi().userProfile());
    }

    unmountSignIn(node) {
      node.replaceChildren();
    }

    unmountSignUp(node) {
      node.replaceChildren();
    }

    unmountUserButton(node) {
      node.replaceChildren();
    }

    unmountUserProfile(node) {
      node.replaceChildren();
    }

    redirectToSignIn(options) {
      const url = new URL("/sign-in", frontendApi);
      const redirectUrl = (options && options.redirectUrl) || window.location.href;
      url.searchParams.set("redirect_url", new URL(redirectUrl, window.location.href).href);
      window.location.href = url.href;
    }
  }

  window.Clerk = new Clerk();
})();
