// Replaces Clerk's UI script: a small element for each component.
"use strict";
(() => {
  const element = (name, attributes, text) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text) node.textContent = text;
    return node;
  };

  window.__internal_ClerkUICtor = class ClerkUI {
    constructor(clerk) {
      this.clerk = clerk;
    }

    signIn(path, target, label) {
      const url = new URL(path, this.clerk.frontendApi);
      url.searchParams.set("redirect_url", target);
      return element("a", { "class": "clerk-double", "data-clerk": path.slice(1), href: url.href }, label);
    }

    userButton() {
      const box = element("div", { "class": "clerk-double", "data-clerk": "user-button" });
      const user = this.clerk.user;
      box.append(element("span", {}, user ? user.primaryEmailAddress.emailAddress : "signed out"));
      const button = element("button", { type: "button", "data-clerk": "sign-out" }, "Sign out");
      button.addEventListener("click", () => this.clerk.signOut());
      box.append(button);
      return box;
    }

    userProfile() {
      const user = this.clerk.user;
      const text = user ? user.primaryEmailAddress.emailAddress : "signed out";
      return element("div", { "class": "clerk-double", "data-clerk": "user-profile" }, text);
    }
  };
})();
