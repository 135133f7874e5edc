package tpm

import "vmspec/probes/note"

// Note is what the TPM says of itself.
type Note struct {
	Family       string
	Manufacturer string
	Banks        []Bank
}

// A Bank is a set of PCRs by one hash algorithm.
type Bank struct {
	Algorithm string // sha256
	PCRs      uint64 // 0: the bank is off
}

// Format declares vmspec/tpm.
func (n *Note) Format() note.Format {
	return note.Format{Name: "tpm", Doc: "the TPM's family, manufacturer and PCR banks", Rows: []note.Row{
		note.Line("family", "", note.Quoted("TEXT", &n.Family)),
		note.Line("manufacturer", "", note.Quoted("TEXT", &n.Manufacturer)),
		note.Each(&n.Banks, func(b *Bank) note.Row {
			return note.Line("bank", "for each algorithm that the TPM knows; 0 where it is off",
				note.Word("ALGORITHM", &b.Algorithm), note.Uint("PCRS", &b.PCRs))
		}),
	}}
}
