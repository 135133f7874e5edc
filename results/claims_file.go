package results

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"go.yaml.in/yaml/v3"

	"vmspec/results/report"
)

// maxClaims bounds a file of claims, in bytes.
const maxClaims = 1 << 20

// ReadClaims reads a file of claims, and says where it is wrong:
//
//	cpus: 2
//	memory: 512 MiB     # a number alone is MiB
//	gic: 3
//	consoles: [pl011]   # pl011 sbsa virtio xen 16550 other
//	disks:
//	  - 64 MiB
//	  - name: data
//	    size: 1 GiB
//	nics: 1
//	rng: 1
//	balloon: 0
//	tpm: 0
//	more: false         # whether there may be more
func ReadClaims(r io.Reader) (*Claims, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxClaims+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxClaims:
		return nil, fmt.Errorf("more than %d KiB: these are no claims", maxClaims>>10)
	}
	fields, err := mapping(text)
	if err != nil {
		return nil, err
	}
	var c Claims
	for _, f := range fields {
		if err := c.set(f.key, f.value); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", f.value.Line, f.key, err)
		}
	}
	return &c, nil
}

type field struct {
	key   string
	value *yaml.Node
}

// mapping reads one document that is a mapping at its top.
func mapping(text []byte) ([]field, error) {
	in := yaml.NewDecoder(strings.NewReader(string(text)))
	var doc yaml.Node
	err := in.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("it claims nothing")
	case err != nil:
		return nil, yamlError(err)
	case in.Decode(&yaml.Node{}) == nil:
		return nil, errors.New("it holds more than one document")
	}
	return fieldsOf(doc.Content[0])
}

// yamlError is a library's error as one line.
func yamlError(err error) error {
	return errors.New(strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " "))
}

func fieldsOf(n *yaml.Node) (out []field, err error) {
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: keys and values are needed, such as cpus: 2", n.Line)
	}
	for pair := range slices.Chunk(n.Content, 2) {
		key := pair[0].Value
		if slices.ContainsFunc(out, func(f field) bool { return f.key == key }) {
			return nil, fmt.Errorf("line %d: %s is there twice", pair[0].Line, key)
		}
		out = append(out, field{key, pair[1]})
	}
	return out, nil
}

// set takes what is claimed by a key.
func (c *Claims) set(key string, value *yaml.Node) (err error) {
	numbers := map[string]struct {
		into  **uint64
		least uint64
	}{"cpus": {&c.CPUs, 1}, "gic": {&c.GIC, 2}, "nics": {&c.NICs, 0}, "rng": {&c.RNG, 0}, "balloon": {&c.Balloon, 0}, "tpm": {&c.TPM, 0}}
	if n, ok := numbers[key]; ok {
		*n.into, err = numberOf(value, n.least)
		return err
	}
	switch key {
	case "memory":
		c.Memory, err = memoryOf(value)
	case "consoles":
		c.Consoles, err = consolesOf(value)
	case "disks":
		c.Disks, err = disksOf(value)
	case "more":
		c.More, err = boolOf(value)
	default:
		return fmt.Errorf("no such claim: there are cpus, memory, gic, consoles, disks, nics, rng, balloon, tpm and more")
	}
	return err
}

// most bounds a number of things.
const most = 1 << 16

func numberOf(n *yaml.Node, least uint64) (*uint64, error) {
	number, err := strconv.ParseUint(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || err != nil || number < least || number > most {
		return nil, fmt.Errorf("%s: a number from %d to %d is needed", shown(n), least, most)
	}
	return &number, nil
}

// shown is a value as an error shows it.
func shown(n *yaml.Node) string {
	switch n.Kind {
	case yaml.ScalarNode:
		return strconv.Quote(n.Value[:min(len(n.Value), 60)])
	case yaml.SequenceNode:
		return "a list"
	}
	return "no single value"
}

func boolOf(n *yaml.Node) (bool, error) {
	if n.Kind == yaml.ScalarNode && (n.Value == "true" || n.Value == "false") {
		return n.Value == "true", nil
	}
	return false, fmt.Errorf("%s: true or false is needed", shown(n))
}

// memoryOf reads a size in MiB, if it has no unit of its own.
func memoryOf(n *yaml.Node) (*uint64, error) {
	if mib, err := strconv.ParseUint(n.Value, 10, 32); err == nil && n.Kind == yaml.ScalarNode && mib > 0 {
		return &mib, nil
	}
	bytes, err := sizeOf(n)
	if err != nil {
		return nil, err
	}
	if bytes%(1<<20) != 0 {
		return nil, fmt.Errorf("%s: whole MiB are needed", shown(n))
	}
	bytes >>= 20
	return &bytes, nil
}

// sizeOf reads a size with a unit. A letter alone is a power of 1024, as QEMU and
// most VMMs take it.
func sizeOf(n *yaml.Node) (uint64, error) {
	text := strings.TrimSpace(n.Value)
	if last := len(text) - 1; last >= 0 && strings.ContainsRune("KMGTkmgt", rune(text[last])) {
		text += "iB"
	}
	unit := strings.TrimLeft(text, "0123456789. ")
	bytes, err := humanize.ParseBytes(text)
	if n.Kind != yaml.ScalarNode || err != nil || unit == "" || bytes == 0 || bytes > math.MaxInt64 {
		return 0, fmt.Errorf("%s: a size with a unit is needed, such as 64 MiB", shown(n))
	}
	return bytes, nil
}

// listOf returns a list's items.
func listOf(n *yaml.Node, such string) ([]*yaml.Node, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("%s: a list is needed, such as %s", shown(n), such)
	}
	return n.Content, nil
}

func consolesOf(n *yaml.Node) (*[]string, error) {
	items, err := listOf(n, "[pl011]; [] for none")
	if err != nil {
		return nil, err
	}
	kinds := []string{}
	for _, item := range items {
		if item.Kind != yaml.ScalarNode || !slices.Contains(report.ConsoleKinds(), item.Value) {
			return nil, fmt.Errorf("%s: the consoles are %s", shown(item), strings.Join(report.ConsoleKinds(), ", "))
		}
		kinds = append(kinds, item.Value)
	}
	return &kinds, nil
}

func disksOf(n *yaml.Node) (*[]DiskClaim, error) {
	items, err := listOf(n, "[64 MiB]; [] for none")
	if err != nil {
		return nil, err
	}
	disks := []DiskClaim{}
	for _, item := range items {
		d, err := diskOf(item)
		if err != nil {
			return nil, err
		}
		disks = append(disks, d)
	}
	return &disks, nil
}

func diskOf(n *yaml.Node) (d DiskClaim, err error) {
	if n.Kind != yaml.MappingNode {
		d.Bytes, err = sizeOf(n)
		return d, err
	}
	fields, err := fieldsOf(n)
	if err != nil {
		return d, err
	}
	for _, f := range fields {
		switch f.key {
		case "name":
			d.Name = OneLine(f.value.Value)
		case "size":
			d.Bytes, err = sizeOf(f.value)
		default:
			err = fmt.Errorf("%s: a disk has a name and a size", f.key)
		}
		if err != nil {
			return d, err
		}
	}
	if d.Bytes == 0 {
		return d, errors.New("a disk without a size")
	}
	return d, nil
}
