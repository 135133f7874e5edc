package fdt_test

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// blob lays out header, reserve map, structure and strings, in this order.
func blob(reserve, structure, strs []byte) []byte {
	at := uint32(40)
	reserveAt := at
	at += uint32(len(reserve))
	structAt := at
	at += uint32(len(structure))
	head := []uint32{0xd00dfeed, at + uint32(len(strs)), structAt, at, reserveAt, 17, 16, 0, uint32(len(strs)), uint32(len(structure))}
	var out bytes.Buffer
	for _, w := range head {
		out.Write(binary.BigEndian.AppendUint32(nil, w))
	}
	out.Write(reserve)
	out.Write(structure)
	out.Write(strs)
	return out.Bytes()
}

// words encodes tokens and numbers as they are, strings with their NUL and
// padding, bytes with their padding.
func words(list ...any) []byte {
	var out []byte
	for _, w := range list {
		switch w := w.(type) {
		case uint32:
			out = binary.BigEndian.AppendUint32(out, w)
		case int:
			out = binary.BigEndian.AppendUint32(out, uint32(w))
		case string:
			out = append(append(out, w...), 0)
		case []byte:
			out = append(out, w...)
		}
		for len(out)%4 != 0 {
			out = append(out, 0)
		}
	}
	return out
}

var noReserve = make([]byte, 16)

// raw is a tree with this structure block; the only property name is "p".
func raw(list ...any) []byte { return blob(noReserve, words(list...), []byte("p\x00")) }

// A node is a tree as a test writes it down.
type node struct {
	name  string
	props []any // name, value, name, value…
	kids  []node
}

// build flattens a tree. A value is nil, a string, a list of strings or cells,
// or bytes.
func build(root node) []byte {
	var strs []byte
	structure := append(flatten(root, &strs), words(last)...)
	return blob(noReserve, structure, strs)
}

func flatten(n node, strs *[]byte) []byte {
	out := words(begin, n.name)
	for i := 0; i < len(n.props); i += 2 {
		value := propBytes(n.props[i+1])
		out = append(out, words(prop, len(value), len(*strs), value)...)
		*strs = append(append(*strs, n.props[i].(string)...), 0)
	}
	for _, kid := range n.kids {
		out = append(out, flatten(kid, strs)...)
	}
	return append(out, words(end)...)
}

func propBytes(v any) []byte {
	switch v := v.(type) {
	case string:
		return append([]byte(v), 0)
	case []string:
		return append([]byte(strings.Join(v, "\x00")), 0)
	case []uint32:
		var out []byte
		for _, c := range v {
			out = binary.BigEndian.AppendUint32(out, c)
		}
		return out
	case []byte:
		return v
	}
	return nil
}

func setWords(b []byte, pairs ...uint32) []byte {
	b = bytes.Clone(b)
	for i := 0; i < len(pairs); i += 2 {
		binary.BigEndian.PutUint32(b[4*pairs[i]:], pairs[i+1])
	}
	return b
}

func word(b []byte, i int) uint32 { return binary.BigEndian.Uint32(b[4*i:]) }
