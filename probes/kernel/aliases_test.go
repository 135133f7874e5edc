package kernel_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/kernel"
)

func TestParseAliases(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []kernel.Alias
	}{
		"empty":            {"", nil},
		"a comment":        {"# Aliases extracted from modules themselves.\n", nil},
		"no module":        {"alias of:N*\n", nil},
		"a word too many":  {"alias of:N* a b\n", nil},
		"another keyword":  {"softdep a b\n", nil},
		"no line feed":     {"alias of:N* a", []kernel.Alias{{"of:N*", "a"}}},
		"good after wrong": {"junk\nalias of:N* a\n", []kernel.Alias{{"of:N*", "a"}}},
	} {
		require.Equal(t, test.want, kernel.ParseAliases(test.text), name)
	}
}

func TestParseBuiltin(t *testing.T) {
	for name, test := range map[string]struct {
		data string
		want []kernel.Alias
	}{
		"empty":        {"", nil},
		"no key":       {"efi\x00", nil},
		"another key":  {"efi.license=GPL\x00", nil},
		"no module":    {".alias=x\x00", nil},
		"no pattern":   {"efi.alias=\x00", nil},
		"two, one cut": {"a.alias=of:N*T*Cx,y.z\x00b.alias=b", []kernel.Alias{{"of:N*T*Cx,y.z", "a"}, {"b", "b"}}},
	} {
		require.Equal(t, test.want, kernel.ParseBuiltin(test.data), name)
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, modalias string
		want              bool
	}{
		{"[", "[", false}, // not a pattern
		{"of:N*T*Cvirtio,mmio", "of:Nvirtio_mmioT(null)Cvirtio,mmio", true},
		{"of:N*T*Cvirtio,mmio", "of:Nvirtio_mmioT(null)Cvirtio,mmiox", false},
		{"virtio:d00000004v*", "virtio:d00000004v00001AF4", true},
		{"virtio:d00000004v*", "virtio:d00000014v00001AF4", false},
		{"acpi*:LNRO0005:*", "acpi:LNRO0005:", true},
	} {
		require.Equal(t, test.want, kernel.Alias{Pattern: test.pattern}.Matches(test.modalias), test.pattern)
	}
}

func TestLoadAliases(t *testing.T) {
	const dir = "lib/modules/6.1.0-test/"
	files := fstest.MapFS{dir + "modules.alias": file("alias of:N*T*Cvirtio,mmio virtio_mmio\n"), dir + "modules.builtin.modinfo": file("amba_pl011.alias=of:N*T*Carm,pl011\x00")}
	modules, builtin := kernel.LoadAliases(files, "6.1.0-test")
	require.Equal(t, []kernel.Alias{{Pattern: "of:N*T*Cvirtio,mmio", Module: "virtio_mmio"}}, modules)
	require.Equal(t, []kernel.Alias{{Pattern: "of:N*T*Carm,pl011", Module: "amba_pl011"}}, builtin)
	modules, builtin = kernel.LoadAliases(files, "6.1.0")
	require.Empty(t, modules)
	require.Empty(t, builtin)
}

func FuzzParseAliases(f *testing.F) {
	f.Add("alias of:N*T*Cvirtio,mmio virtio_mmio\n", "of:NaTbCvirtio,mmio")
	f.Add("amba_pl011.alias=of:N*T*Carm,pl011\x00x.license=GPL\x00", "[")
	f.Fuzz(func(t *testing.T, text, modalias string) {
		for _, parse := range []func(string) []kernel.Alias{kernel.ParseAliases, kernel.ParseBuiltin} {
			total := 0
			for _, a := range parse(text) {
				require.NotEmpty(t, a.Pattern)
				require.NotEmpty(t, a.Module)
				require.True(t, strings.Contains(text, a.Pattern))
				a.Matches(modalias)
				total += len(a.Pattern) + len(a.Module)
			}
			require.LessOrEqual(t, total, len(text))
		}
	})
}
