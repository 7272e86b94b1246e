"use strict";
// Filters of the comparison; without this script everything is shown.
const form = document.getElementById("filters");
if (form) {
  form.hidden = false;
  const value = (id) => document.getElementById(id).value.trim().toLowerCase();
  const sections = [...document.querySelectorAll("section[data-pack]")];
  const told = document.getElementById("count");
  const apply = () => {
    const place = value("place"), kind = value("kind"), standing = value("standing");
    const tags = { v: ["v"], v2: ["v", "v2"] }[value("tag")];
    const words = value("words").split(/[\s,]+/).filter(Boolean);
    let shown = 0, count = 0;
    for (const section of sections) {
      let rules = 0;
      for (const rule of section.querySelectorAll(".rule")) {
        const fits = (!kind || rule.dataset.kind === kind) && (!tags || tags.includes(rule.dataset.tag.toLowerCase()));
        rule.hidden = !fits;
        rules += fits ? 1 : 0;
      }
      const text = section.textContent.toLowerCase();
      const fits = (!place || section.dataset.place === place) && (!standing || section.dataset.standing === standing)
        && words.every((word) => text.includes(word)) && (rules > 0 || !(kind || tags));
      section.hidden = !fits;
      document.querySelector(`tr[data-row="${CSS.escape(section.id)}"]`).hidden = !fits;
      shown += fits ? 1 : 0;
      count += fits ? rules : 0;
    }
    for (const cell of document.querySelectorAll("[data-column]")) cell.hidden = Boolean(kind) && cell.dataset.column !== kind;
    told.textContent = `${shown} of ${sections.length} instruments, ${count} rules`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  // Without a script every rule is there to read; with it, those of a long page open on demand.
  const lists = [...document.querySelectorAll("section details")];
  const fold = () => { for (const list of lists) list.open = lists.length <= 3; };
  const open = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const rules = target && target.querySelector("details");
    if (rules) rules.open = true;
  };
  window.addEventListener("hashchange", open);
  window.addEventListener("beforeprint", () => { for (const list of lists) list.open = true; });
  window.addEventListener("afterprint", fold);
  fold();
  open();
  apply();
}
