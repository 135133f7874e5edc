package acpi

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestRoot(t *testing.T) {
	const rsdp, xsdt = "[    0.000000] ACPI: RSDP 0x000000005C430018 000024 (v02 BOCHS )\n", "[    0.000000] ACPI: XSDT 0x000000005C43FE98 000064 (v01 BOCHS  BXPC     00000001      01000013)\n"
	cases := []struct {
		name, log string
		want      Root
	}{
		{"by ACPI 2.0", rsdp + xsdt, Root{2, "XSDT"}},
		{"by ACPI 1.0", "[    0.000000] ACPI: RSDP 0x0000000000001000 000014 (v00 ACME)\n[    0.000000] ACPI: RSDT 0x0000000000002000 000024 (v01 ACME )\n", Root{0, "RSDT"}},
		{"without the log's beginning", "[    1.000000] ACPI: bus type PCI registered\n", Root{}},
		{"no number", "[    0.000000] ACPI: RSDP 0x1 2 (vX\n", Root{}},
		{"the first counts", xsdt + "[    0.0] ACPI: RSDT 0x1 2\n", Root{0, "XSDT"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var r Root
			r.read(fstest.MapFS{"vmspec/kmsg": {Data: []byte(c.log)}})
			require.Equal(t, c.want, r)
		})
	}
}

// Nothing that is logged costs more than what it says.
func FuzzRoot(f *testing.F) {
	f.Add("[    0.000000] ACPI: RSDP 0x000000005C430018 000024 (v02 BOCHS )")
	f.Fuzz(func(t *testing.T, log string) {
		var r Root
		r.read(fstest.MapFS{"vmspec/kmsg": {Data: []byte(log)}})
		require.Contains(t, []string{"", "XSDT", "RSDT"}, r.Table)
	})
}
