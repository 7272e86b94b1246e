// It reaches the passkey. Everything else works without scripts.

async function call(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
    credentials: "same-origin",
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error([said.title, said.to_do].filter(Boolean).join(". To do: "));
  return said;
}

async function ask(begun) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(begun.options);
  return (await navigator.credentials.get({ publicKey })).toJSON();
}

async function make(begun) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(begun.options);
  return (await navigator.credentials.create({ publicKey })).toJSON();
}

async function confirmed(kind, body) {
  const answer = await ask(await call(`/passkey/${kind}/begin`, body));
  return call(`/passkey/${kind}/finish`, { answer });
}

const ceremonies = {
  async "sign-in"(form) {
    await confirmed("sign-in");
    location.assign(form.dataset.to);
  },
  async join(form) {
    const begun = await call("/passkey/join/begin", { code: form.elements.code.value.trim() });
    location.assign((await call("/passkey/join/finish", { answer: await make(begun) })).to);
  },
  async own() {
    await confirmed("confirm", { action: "account.own-passkey" });
    const begun = await call("/passkey/own/begin");
    location.assign((await call("/passkey/own/finish", { answer: await make(begun) })).to);
  },
};

function tell(form, problem) {
  const words = {
    NotAllowedError: "The passkey was not used. Nothing was done; try again.",
    InvalidStateError: "This device has a passkey of yours already.",
    TypeError: "This browser cannot use passkeys here.",
  };
  let place = form.querySelector(".problem");
  if (!place) {
    place = document.createElement("p");
    place.className = "problem";
    place.setAttribute("role", "alert");
    form.append(place);
  }
  place.textContent = words[problem.name] ?? problem.message;
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const { passkey, confirm, sign, digest } = form.dataset;
  if (!passkey && !confirm && !sign) return;
  event.preventDefault();
  const button = event.submitter ?? form.querySelector("button");
  button.disabled = true;
  try {
    if (passkey) {
      await ceremonies[passkey](form);
    } else {
      await confirmed(...(sign ? ["sign", { action: sign, digest }] : ["confirm", { action: confirm }]));
      if (button.name) {
        const chosen = document.createElement("input");
        Object.assign(chosen, { type: "hidden", name: button.name, value: button.value });
        form.append(chosen);
      }
      form.submit();
      return;
    }
  } catch (problem) {
    tell(form, problem);
  }
  button.disabled = false;
});

document.getElementById("problem")?.focus();
