// Verifier of notes, checkpoints and proofs that shares no code with the Python under test:
// Go's own sumdb/note and sumdb/tlog, and the few lines of C2SP tlog-cosignature and tlog-proof
// they do not have. Reads one JSON object from standard input and answers with another.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type request struct {
	Notes       []noteCase  // to open
	Proofs      []proofCase // .tlog-proof files to verify
	Consistency []treeCase  // consistency proofs to verify
	Sign        []string    // texts to sign with a fresh key
	Trees       [][][]byte  // lists of entries, to make roots and proofs of
}

type noteCase struct {
	Vkeys []string
	Note  []byte
}

type proofCase struct {
	File, Entry []byte
	Log         string
	Witnesses   []string
	Quorum      int
}

type treeCase struct {
	Old, New         int64
	OldRoot, NewRoot []byte
	Proof            [][]byte
}

type signed struct {
	Vkey string
	Note []byte
}

type tree struct {
	Root        []byte
	Inclusion   [][][]byte // one proof an entry
	Consistency [][][]byte // one proof an old size, from 1
}

type answer struct {
	Notes       []*string // the text, or null where it does not open
	Proofs      []string  // empty, or what is wrong
	Consistency []string
	Sign        []signed
	Trees       []tree
}

// cosigner verifies Ed25519 cosignatures (type 0x04).
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }
func (c *cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	t := binary.BigEndian.Uint64(sig)
	return ed25519.Verify(c.key, []byte(fmt.Sprintf("cosignature/v1\ntime %d\n%s", t, msg)), sig[8:])
}

func verifier(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a vkey")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 33 || raw[0] != 4 {
		return note.NewVerifier(vkey)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), raw...))
	if fmt.Sprintf("%x", sum[:4]) != parts[1] {
		return nil, errors.New("key id")
	}
	return &cosigner{parts[0], binary.BigEndian.Uint32(sum[:]), raw[1:]}, nil
}

func open(data []byte, vkeys []string) (*note.Note, error) {
	var known []note.Verifier
	for _, vkey := range vkeys {
		v, err := verifier(vkey)
		if err != nil {
			return nil, err
		}
		known = append(known, v)
	}
	return note.Open(data, note.VerifierList(known...))
}

func hash(b []byte) (h tlog.Hash) {
	copy(h[:], b)
	return
}

func hashes(list [][]byte) (out []tlog.Hash) {
	for _, b := range list {
		out = append(out, hash(b))
	}
	return
}

func raw(list []tlog.Hash) [][]byte {
	out := [][]byte{}
	for i := range list {
		out = append(out, append([]byte{}, list[i][:]...))
	}
	return out
}

func checkProof(c proofCase) error {
	head, checkpoint, ok := bytes.Cut(c.File, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !ok || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a proof")
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, h)
	}
	n, err := open(checkpoint, append([]string{c.Log}, c.Witnesses...))
	if err != nil {
		return err
	}
	body := strings.SplitN(n.Text, "\n", 4)
	if len(body) != 4 || body[3] != "" {
		return errors.New("not a checkpoint of three lines")
	}
	size, err := strconv.ParseInt(body[1], 10, 64)
	if err != nil {
		return err
	}
	root, err := tlog.ParseHash(body[2])
	if err != nil {
		return err
	}
	cosigned, logged := 0, false
	for _, s := range n.Sigs {
		if s.Name == body[0] {
			logged = true
		} else {
			cosigned++
		}
	}
	if !logged || cosigned < c.Quorum {
		return errors.New("no quorum")
	}
	return tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(c.Entry))
}

func makeTree(entries [][]byte) tree {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, err error) {
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return
	})
	for i, entry := range entries {
		more, err := tlog.StoredHashes(int64(i), entry, reader)
		check(err)
		stored = append(stored, more...)
	}
	size := int64(len(entries))
	root, err := tlog.TreeHash(size, reader)
	check(err)
	out := tree{Root: root[:], Inclusion: [][][]byte{}, Consistency: [][][]byte{}}
	for i := int64(0); i < size; i++ {
		p, err := tlog.ProveRecord(size, i, reader)
		check(err)
		out.Inclusion = append(out.Inclusion, raw(p))
		t, err := tlog.ProveTree(size, i+1, reader)
		check(err)
		out.Consistency = append(out.Consistency, raw(t))
	}
	return out
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func told(err error) string {
	if err == nil {
		return ""
	}
	return "wrong: " + err.Error()
}

func main() {
	var in request
	var out answer
	check(json.NewDecoder(os.Stdin).Decode(&in))
	for _, c := range in.Notes {
		if n, err := open(c.Note, c.Vkeys); err == nil {
			out.Notes = append(out.Notes, &n.Text)
		} else {
			out.Notes = append(out.Notes, nil)
		}
	}
	for _, c := range in.Proofs {
		out.Proofs = append(out.Proofs, told(checkProof(c)))
	}
	for _, c := range in.Consistency {
		err := tlog.CheckTree(hashes(c.Proof), c.New, hash(c.NewRoot), c.Old, hash(c.OldRoot))
		out.Consistency = append(out.Consistency, told(err))
	}
	for _, text := range in.Sign {
		skey, vkey, err := note.GenerateKey(rand.Reader, "go.example/key")
		check(err)
		signer, err := note.NewSigner(skey)
		check(err)
		data, err := note.Sign(&note.Note{Text: text}, signer)
		check(err)
		out.Sign = append(out.Sign, signed{vkey, data})
	}
	for _, entries := range in.Trees {
		out.Trees = append(out.Trees, makeTree(entries))
	}
	check(json.NewEncoder(os.Stdout).Encode(out))
}
