package fdt

import "encoding/binary"

// Encode flattens a tree: header, memory reservations, structure, strings.
func Encode(t *Tree) []byte {
	e := encoder{at: map[string]uint32{}}
	e.node(t.Root)
	return e.blob(t)
}

// EncodeLate is Encode, and puts a property of the root behind its children.
func EncodeLate(t *Tree, name string, value []byte) []byte {
	e := encoder{at: map[string]uint32{}}
	e.node(t.Root)
	e.structure = e.structure[:len(e.structure)-4] // the root goes on
	e.prop(name, value)
	e.words(tokenEndNode)
	return e.blob(t)
}

// blob puts the parts together.
func (e *encoder) blob(t *Tree) []byte {
	e.words(tokenEnd)
	structure := headerSize + 16*uint32(len(t.Reservations)+1)
	structureSize, stringsSize := uint32(len(e.structure)), uint32(len(e.strings))
	strings := structure + structureSize
	out := EncodeCells(magic, strings+stringsSize, structure, strings, headerSize, 17, 16, 0, stringsSize, structureSize)
	for _, r := range append(t.Reservations[:len(t.Reservations):len(t.Reservations)], Range{}) {
		out = binary.BigEndian.AppendUint64(out, r.Start)
		out = binary.BigEndian.AppendUint64(out, r.Size)
	}
	return append(append(out, e.structure...), e.strings...)
}

type encoder struct {
	structure, strings []byte
	at                 map[string]uint32 // of each name in strings
}

func (e *encoder) words(list ...uint32) { e.structure = append(e.structure, EncodeCells(list...)...) }

// bytes adds a value and the padding behind it.
func (e *encoder) bytes(v []byte) {
	e.structure = append(e.structure, v...)
	for len(e.structure)%4 != 0 {
		e.structure = append(e.structure, 0)
	}
}

func (e *encoder) node(n *Node) {
	e.words(tokenBeginNode)
	e.bytes(append([]byte(n.Name), 0))
	for _, p := range n.Props {
		e.prop(p.Name, p.Value)
	}
	for _, c := range n.Children {
		e.node(c)
	}
	e.words(tokenEndNode)
}

func (e *encoder) prop(name string, value []byte) {
	at, ok := e.at[name]
	if !ok {
		at = uint32(len(e.strings))
		e.at[name] = at
		e.strings = append(append(e.strings, name...), 0)
	}
	e.words(tokenProp, uint32(len(value)), at)
	e.bytes(value)
}

// EncodeCells encodes a list of cells.
func EncodeCells(list ...uint32) []byte {
	var out []byte
	for _, c := range list {
		out = binary.BigEndian.AppendUint32(out, c)
	}
	return out
}
