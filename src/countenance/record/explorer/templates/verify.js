"use strict";
(function () {
  // Recomputes an inclusion proof (RFC 9162, 2.1.3.2) and checks Ed25519 signatures of a signed note
  // (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof) with WebCrypto. Nothing is sent:
  // the page's content policy lets it reach nowhere.
  var LARGEST = 1e6;
  var find = function (id) { return document.getElementById(id); };
  var subtle = window.crypto && window.crypto.subtle;
  function refuse(text) { throw new Error(text); }

  function bytes(text) {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4) { refuse("This is not Base64: " + text.slice(0, 40)); }
    var plain = atob(text);
    if (btoa(plain) !== text) { refuse("This is not Base64 in its one writing: " + text.slice(0, 40)); }
    return Uint8Array.from(plain, function (c) { return c.charCodeAt(0); });
  }
  function utf8(text) { return new TextEncoder().encode(text); }
  function hex(data) { return Array.from(data, function (b) { return b.toString(16).padStart(2, "0"); }).join(""); }
  function same(a, b) { return hex(a) === hex(b); }
  function join() {
    var parts = Array.prototype.slice.call(arguments);
    var whole = new Uint8Array(parts.reduce(function (n, part) { return n + part.length; }, 0)), at = 0;
    parts.forEach(function (part) { whole.set(part, at); at += part.length; });
    return whole;
  }
  async function sha256(data) { return new Uint8Array(await subtle.digest("SHA-256", data)); }
  function leafHash(entry) { return sha256(join(Uint8Array.of(0), entry)); }
  function nodeHash(left, right) { return sha256(join(Uint8Array.of(1), left, right)); }
  function number(text, what) {
    if (!/^(0|[1-9][0-9]{0,15})$/.test(text) || Number(text) > Number.MAX_SAFE_INTEGER) { refuse(what + " is not a number this page can use"); }
    return Number(text);
  }
  var half = function (n) { return Math.floor(n / 2); };

  async function rootFrom(entry, index, size, hashes) {
    if (index >= size) { refuse("Entry " + index + " cannot be in a log of " + size); }
    var fn = index, sn = size - 1, r = await leafHash(entry);
    for (var i = 0; i < hashes.length; i++) {
      var p = hashes[i];
      if (p.length !== 32) { refuse("A hash of the proof is not 32 bytes"); }
      if (sn === 0) { refuse("The proof is longer than the tree is high"); }
      if (fn % 2 || fn === sn) {
        r = await nodeHash(p, r);
        while (fn % 2 === 0 && fn !== 0) { fn = half(fn); sn = half(sn); }
      } else {
        r = await nodeHash(r, p);
      }
      fn = half(fn); sn = half(sn);
    }
    if (sn !== 0) { refuse("The proof is shorter than the tree is high"); }
    return r;
  }

  function parseNote(note) {
    if (note.length > LARGEST || /[\u0000-\u0009\u000b-\u001f]/.test(note)) { refuse("This is no signed note"); }
    var at = note.lastIndexOf("\n\n");
    if (at < 0 || !note.endsWith("\n")) { refuse("This is no signed note"); }
    var text = note.slice(0, at + 1), lines = note.slice(at + 2, -1).split("\n");
    if (lines.length > 100) { refuse("The note has too many signatures"); }
    var head = text.split("\n");
    if (head.length < 4) { refuse("This is no checkpoint"); }
    return {
      text: text, origin: head[0], size: number(head[1], "The size of the tree"), root: bytes(head[2]),
      signatures: lines.map(function (line) {
        var form = /^\u2014 ([^\s+]+) (\S+)$/.exec(line) || refuse("This is no signature line: " + line.slice(0, 60));
        var raw = bytes(form[2]);
        return { name: form[1], id: hex(raw.slice(0, 4)), signature: raw.slice(4) };
      })
    };
  }

  function parseProof(data) {
    if (data.length > LARGEST) { refuse("The proof file is too large"); }
    var text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data), at = text.indexOf("\n\n");
    var lines = at < 0 ? [] : text.slice(0, at).split("\n");
    if (lines.shift() !== "c2sp.org/tlog-proof@v1") { refuse("This is no tlog-proof file"); }
    var found = { note: text.slice(at + 2), entry: null };
    if (lines.length && lines[0].startsWith("extra ")) { found.entry = bytes(lines.shift().slice(6)); }
    var index = /^index (\d+)$/.exec(lines.shift() || "") || refuse("The proof file names no index");
    found.index = number(index[1], "The index");
    if (lines.length > 63) { refuse("The proof has too many hashes"); }
    found.hashes = lines.map(bytes);
    return found;
  }

  async function parseKeys(text) {
    var lines = text.split(/\s+/).map(function (word) { return word.replace(/^["',]+|["',]+$/g, ""); });
    var keys = [], i;
    for (i = 0; i < lines.length; i++) {
      var form = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(lines[i]);
      if (!form) { continue; }
      var raw = bytes(form[3]);
      var id = hex((await sha256(join(utf8(form[1]), Uint8Array.of(10), raw))).slice(0, 4));
      if (id !== form[2]) { refuse("The key of " + form[1] + " has not the key id it says it has"); }
      keys.push({ name: form[1], id: id, type: raw[0], key: raw.slice(1) });
    }
    return keys;
  }

  async function ed25519(key, signature, message) {
    var imported = await subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return subtle.verify("Ed25519", imported, signature, message);
  }

  async function checkSignature(line, key, note) {
    // true, false, or null where this browser cannot say
    try {
      if (key.type === 1) { return await ed25519(key.key, line.signature, utf8(note.text)); }
      if (key.type === 4 && line.signature.length === 72) {
        var view = new DataView(line.signature.buffer, line.signature.byteOffset);
        line.time = view.getBigUint64(0);
        return await ed25519(key.key, line.signature.slice(8), utf8("cosignature/v1\ntime " + line.time + "\n" + note.text));
      }
      return key.type === 4 ? false : null;
    } catch (error) { return error.name === "NotSupportedError" ? null : false; }
  }

  function when(time) { return time > 253402300799n ? "second " + time : new Date(Number(time) * 1000).toISOString(); }

  function say(good, text) {
    var item = document.createElement("li"), word = document.createElement("strong");
    word.textContent = good === null ? "Not checked. " : good ? "Holds. " : "Does not verify. ";
    if (good === false) { item.className = "refuses"; }
    item.appendChild(word);
    item.appendChild(document.createTextNode(text));
    find("steps").appendChild(item);
  }

  async function verify(proof, keyText) {
    var note = parseNote(proof.note), keys = await parseKeys(keyText);
    var root = await rootFrom(proof.entry, proof.index, note.size, proof.hashes);
    var good = same(root, note.root);
    say(good, good ? "The entry is number " + proof.index + " of the " + note.size + " under this checkpoint: the proof leads from its bytes to the checkpoint's root."
      : "The proof does not lead from the entry to the checkpoint's root.");
    var counted = 0;
    for (var i = 0; i < note.signatures.length; i++) {
      var line = note.signatures[i];
      var key = keys.find(function (each) { return each.name === line.name && each.id === line.id; });
      if (!key) { say(null, "Signature of " + line.name + ": its key is not among those you trust."); continue; }
      if (key.type === 1 && line.name !== note.origin) { say(null, "Signature of " + line.name + ": a key of another log, which cannot speak for this one."); continue; }
      var found = await checkSignature(line, key, note);
      if (found) { counted += 1; }
      say(found, "Signature of " + line.name + (line.time !== undefined && found ? ", seen at " + when(line.time) : "") + (found === null ? ": this browser cannot check keys of its type." : "."));
      if (found === false) { good = false; }
    }
    var logged = good && counted > 0;
    say(logged ? true : good ? null : false, logged
      ? "In the log of " + note.origin + ", by " + counted + (counted === 1 ? " signature" : " signatures") + " of keys you trust."
      : good ? "Nobody you trust has signed this checkpoint: it shows only that entry and checkpoint fit together." : "Do not rely on this proof.");
    document.body.setAttribute("data-verdict", logged ? "holds" : good ? "unsigned" : "refused");
  }

  async function material() {
    var data = find("material");
    if (data) {
      var value = JSON.parse(data.textContent);
      return { entry: bytes(value.entry), index: value.index, hashes: value.hashes.map(bytes), note: value.note };
    }
    var file = find("proof-file").files[0], other = find("entry-file").files[0];
    if (!file) { refuse("Choose a proof file first."); }
    if (file.size > LARGEST) { refuse("The proof file is too large"); }
    var proof = parseProof(new Uint8Array(await file.arrayBuffer()));
    if (other) { proof.entry = new Uint8Array(await other.arrayBuffer()); }
    if (!proof.entry) { refuse("The proof does not carry its entry: choose the entry's file too."); }
    return proof;
  }

  var box = find("check");
  if (box) {
    box.hidden = false;
    find("run").addEventListener("click", async function () {
      find("steps").textContent = "";
      document.body.removeAttribute("data-verdict");
      try {
        if (!subtle) { refuse("This browser offers no cryptography here: open the page over https, or save it and open the file."); }
        await verify(await material(), find("keys").value);
      } catch (error) {
        say(false, error.message);
        document.body.setAttribute("data-verdict", "refused");
      }
    });
  }

  Array.prototype.forEach.call(document.querySelectorAll("[data-copy]"), function (place) {
    if (!navigator.clipboard) { return; }
    var button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy " + place.getAttribute("data-name"));
    button.addEventListener("click", function () {
      navigator.clipboard.writeText(place.getAttribute("data-copy")).then(function () {
        button.textContent = "Copied";
        window.setTimeout(function () { button.textContent = "Copy"; }, 2000);
      });
    });
    place.appendChild(button);
  });

  // On paper there is no click: hashes are printed whole, long lists stay closed.
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll(".hash details:not([open]), details.for-print:not([open])").forEach(function (part) { part.open = true; part.setAttribute("data-opened", ""); });
  });
  window.addEventListener("afterprint", function () {
    document.querySelectorAll("details[data-opened]").forEach(function (part) { part.open = false; part.removeAttribute("data-opened"); });
  });
})();
