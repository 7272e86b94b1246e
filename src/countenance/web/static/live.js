// While a request is filled in, the decision beside it follows. Without this, a button shows it.

const WAIT_MS = 400;
const LONGEST_MS = 10_000;
const form = document.querySelector("form[data-live]");
const old = document.getElementById("decision-old");
let waiting;
let calling;

function show(page) {
  const told = new DOMParser().parseFromString(page, "text/html");
  const place = document.getElementById("decision-said");
  const said = told.getElementById("decision-said");
  const more = told.getElementById("decision-more");
  if (!said || !more) throw new Error("no decision came back");
  place.className = said.className;
  // What is said stays the same element, and is touched only when it is something else: a screen
  // reader then says it once.
  if (place.textContent !== said.textContent) place.textContent = said.textContent;
  for (const one of document.querySelectorAll("#decision-more details[open]")) {
    more.querySelector(`#${one.id}`)?.setAttribute("open", "");
  }
  const focused = document.activeElement.closest("#decision-more [id]")?.id;
  document.getElementById("decision-more").replaceWith(document.adoptNode(more));
  if (focused) refocus(document.getElementById(focused));
}

function refocus(place) {
  (place?.querySelector("summary") ?? place)?.focus({ preventScroll: true });
}

async function follow() {
  calling?.abort();
  const mine = (calling = new AbortController());
  const signal = AbortSignal.any([mine.signal, AbortSignal.timeout(LONGEST_MS)]);
  try {
    const answer = await fetch(form.dataset.live, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      credentials: "same-origin",
      redirect: "error",
      signal,
    });
    show(await answer.text());
    old.hidden = true;
  } catch {
    if (!mine.signal.aborted) old.hidden = false;
  }
}

function later() {
  clearTimeout(waiting);
  waiting = setTimeout(follow, WAIT_MS);
}

// A browser that goes back fills in what was typed, and says nothing of it.
function filled(one) {
  if (one.options) {
    const first = [...one.options].findIndex((each) => each.defaultSelected);
    return one.selectedIndex !== Math.max(0, first);
  }
  if (one.type === "checkbox") return one.checked !== one.defaultChecked;
  return "defaultValue" in one && one.value !== one.defaultValue;
}

form.addEventListener("input", later);
addEventListener("pageshow", () => [...form.elements].some(filled) && later());
