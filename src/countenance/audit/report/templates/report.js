"use strict";
(function () {
  // Everything here is comfort: the page says all it has to say without it.
  var all = function (selector, root) { return Array.prototype.slice.call((root || document).querySelectorAll(selector)); };

  all("[data-copy]").forEach(function (place) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy " + place.getAttribute("data-name"));
    button.addEventListener("click", function () {
      var value = place.getAttribute("data-copy");
      var done = function () { button.textContent = "Copied"; window.setTimeout(function () { button.textContent = "Copy"; }, 2000); };
      var byHand = function () {
        var area = document.createElement("textarea");
        area.value = value;
        document.body.appendChild(area);
        area.select();
        if (document.execCommand("copy")) { done(); }
        area.remove();
        button.focus();
      };
      if (navigator.clipboard && window.isSecureContext) { navigator.clipboard.writeText(value).then(done, byHand); } else { byHand(); }
    });
    place.appendChild(button);
  });

  function sortable(cell) {
    var text = cell.textContent.trim().replace(/,/g, "").replace(/\u2212/g, "-").replace(/^< /, "");
    var number = parseFloat(text);
    return isNaN(number) ? (text === "\u2013" ? -Infinity : text) : number;
  }
  all("table.sortable").forEach(function (table) {
    all("thead th", table).forEach(function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      while (head.firstChild) { button.appendChild(head.firstChild); }
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") !== "descending";
        all("thead th", table).forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        var body = table.tBodies[0];
        var rows = all("tr", body).map(function (row, place) { return [sortable(row.cells[column]), place, row]; });
        rows.sort(function (a, b) {
          if (typeof a[0] === typeof b[0]) { if (a[0] < b[0]) { return down ? 1 : -1; } if (a[0] > b[0]) { return down ? -1 : 1; } return a[1] - b[1]; }
          return typeof a[0] === "number" ? -1 : 1;
        });
        rows.forEach(function (row) { body.appendChild(row[2]); });
      });
    });
  });

  var parts = all("#thresholds > .part");
  if (parts.length > 1) {
    var box = document.createElement("p");
    box.className = "switch";
    var label = document.createElement("label");
    label.textContent = "Show the threshold ";
    label.htmlFor = "which-threshold";
    var select = document.createElement("select");
    select.id = "which-threshold";
    parts.forEach(function (part, i) {
      var option = document.createElement("option");
      option.value = String(i);
      option.textContent = part.querySelector("h3").textContent;
      select.appendChild(option);
    });
    var show = function () { parts.forEach(function (part, i) { part.hidden = String(i) !== select.value; }); };
    select.addEventListener("change", show);
    box.appendChild(label);
    box.appendChild(select);
    parts[0].parentNode.insertBefore(box, parts[0]);
    show();
  }

  window.addEventListener("beforeprint", function () {
    // On paper a table of hundreds of rows is no help; its CSV file is beside this page.
    all("details:not([open])").filter(function (part) { return Number(part.dataset.rows || 0) <= 40; }).forEach(function (part) { part.open = true; part.setAttribute("data-for-print", ""); });
  });
  window.addEventListener("afterprint", function () {
    all("details[data-for-print]").forEach(function (part) { part.open = false; part.removeAttribute("data-for-print"); });
  });
})();
