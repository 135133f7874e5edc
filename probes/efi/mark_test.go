package efi_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/efi"
)

var someMark = efi.Mark{Nonce: "7f3a9c21", Boot: 2, Token: "0a1b2c3d", Count: 3, After: "poweroff"}

func TestParseMark(t *testing.T) {
	require.Equal(t, "vmspec1 7f3a9c21 2 0a1b2c3d 3 poweroff", string(someMark.Bytes()))
	m, err := efi.ParseMark(someMark.Bytes())
	require.NoError(t, err)
	require.Equal(t, someMark, m)
	for name, text := range map[string]string{
		"empty":            "",
		"another version":  "vmspec2 a 1 0a1b2c3d 1 halt",
		"cut":              "vmspec1 7f3a9c21 2 0a1b2c3d 3",
		"more":             "vmspec1 a 1 0a1b2c3d 1 halt x",
		"a nonce too long": "vmspec1 0123456789abcdef0 1 0a1b2c3d 1 halt",
		"no nonce":         "vmspec1  1 0a1b2c3d 1 halt",
		"a nonce's byte":   "vmspec1 a\n 1 0a1b2c3d 1 halt",
		"a short token":    "vmspec1 a 1 0a1b2c3 1 halt",
		"a token's byte":   "vmspec1 a 1 0a1b2c3g 1 halt",
		"no count":         "vmspec1 a 1 0a1b2c3d 0 halt",
		"a large count":    "vmspec1 a 1 0a1b2c3d 9999999999 halt",
		"a negative boot":  "vmspec1 a -1 0a1b2c3d 1 halt",
		"written so":       "vmspec1 a 01 0a1b2c3d 1 halt",
		"another end":      "vmspec1 a 1 0a1b2c3d 1 sleep",
		"a zero behind it": "vmspec1 a 1 0a1b2c3d 1 halt\x00",
		"too long":         "vmspec1 " + strings.Repeat("a", 64),
	} {
		_, err := efi.ParseMark([]byte(text))
		require.EqualError(t, err, "not the suite's", name)
	}
}

func TestReadMark(t *testing.T) {
	for name, c := range map[string]struct {
		text, err string
		want      *efi.MarkNote
	}{
		"the first":     {"read absent\nwrite ok\nleft 7f3a9c21 2 0a1b2c3d 3 poweroff\n", "", &efi.MarkNote{Read: "absent", Write: "ok", Left: &someMark}},
		"the last":      {"read ok\nfound 7f3a9c21 2 0a1b2c3d 3 poweroff\nremove ok\n", "", &efi.MarkNote{Read: "ok", Found: &someMark, Remove: "ok"}},
		"broken off":    {"read absent\nerror hung for 15s\n", "vmspec/mark: hung for 15s", &efi.MarkNote{Read: "absent"}},
		"none":          {"error efivarfs is not mounted\n", "vmspec/mark: efivarfs is not mounted", nil},
		"not a number":  {"read ok\nfound a x 0a1b2c3d 3 halt\n", `vmspec/mark: found: BOOT: "x" is not a number`, &efi.MarkNote{Read: "ok"}},
		"without words": {"read ok\nfound a\n", "vmspec/mark: found: no BOOT", &efi.MarkNote{Read: "ok"}},
	} {
		f := booted(t, map[string]string{"vmspec/mark": c.text})
		require.Equal(t, c.err, f.MarkErr, name)
		require.Equal(t, c.want, f.Mark, name)
	}
	f := booted(t, nil)
	require.Nil(t, f.Mark)
	require.Empty(t, f.MarkErr)
}

// A variable that is read is what was written, and any other is refused.
func FuzzParseMark(f *testing.F) {
	f.Add(someMark.Bytes())
	f.Add([]byte("vmspec1 - 0 00000000 1 halt"))
	f.Add([]byte("vmspec1 a 1 0a1b2c3d 1 reboot\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := efi.ParseMark(data)
		if err != nil {
			require.Zero(t, m)
			return
		}
		require.Equal(t, string(data), string(m.Bytes()))
		require.LessOrEqual(t, len(data), 64)
	})
}

// Whatever stands in the note, an error says where.
func FuzzReadMark(f *testing.F) {
	f.Add("read ok\nfound a 1 0a1b2c3d 1 halt\nremove ok\nwrite EIO input/output error\n")
	f.Add("read absent\nleft - 0 0a1b2c3d 1 poweroff\nerror x\n")
	f.Fuzz(func(t *testing.T, text string) {
		if got := booted(t, map[string]string{"vmspec/mark": text}); got.MarkErr != "" {
			require.Contains(t, got.MarkErr, "vmspec/mark")
		}
	})
}
