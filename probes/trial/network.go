package trial

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"vmspec/probes/network"
	"vmspec/probes/note"
)

const (
	networkPoll = 20 * time.Millisecond
	// How long an answer is waited for, by looks between which an interrupt came,
	// so that the VM ran; and when it is asked for again.
	networkMost  = 1500 * time.Millisecond
	networkAgain = 500 * time.Millisecond
)

// A link is one interface during the trial.
type link struct {
	up      func() error
	carrier func() bool
	ask     func() error // sends a DHCPDISCOVER
	offered func() bool  // whether a DHCPOFFER has come
	close   func()       // puts the interface back
}

// tryNetwork brings the interfaces up and asks on each for an address by DHCP,
// until all have an answer or for too long. No address is taken: what is
// offered is free again when its server's patience ends. It writes
//
//	up INTERFACE RESULT
//	carrier INTERFACE 0|1
//	ask INTERFACE RESULT     not where there is no carrier
//	offer INTERFACE MILLISECONDS
//
// with results as [tryVariables] has them.
func tryNetwork(names []string, open func(name string) (link, error), out io.Writer) error {
	var waiting []*asked
	for _, name := range names {
		l, err := open(name)
		if err == nil {
			defer l.close()
			err = l.up()
		}
		fmt.Fprintf(out, "up %s %s\n", name, note.Result(err))
		if err == nil {
			waiting = append(waiting, &asked{name: name, link: l})
		}
	}
	begin := time.Now()
	for range networkMost / networkPoll {
		if waiting = slices.DeleteFunc(waiting, func(a *asked) bool { return a.step(begin, out) }); len(waiting) == 0 {
			break
		}
		time.Sleep(networkPoll)
	}
	for _, a := range waiting {
		if !a.carried {
			fmt.Fprintf(out, "carrier %s 0\n", a.name)
		}
	}
	return nil
}

// asked is an interface that is waited for.
type asked struct {
	link
	name    string
	carried bool
	at      time.Time // when it asked last
}

// step does what is next on an interface, and tells whether that was all.
func (a *asked) step(begin time.Time, out io.Writer) (done bool) {
	if !a.carried {
		if a.carried = a.carrier(); !a.carried {
			return false
		}
		fmt.Fprintf(out, "carrier %s 1\n", a.name)
	}
	if a.at.IsZero() || time.Since(a.at) >= networkAgain {
		first := a.at.IsZero()
		a.at = time.Now()
		err := a.ask()
		if first {
			fmt.Fprintf(out, "ask %s %s\n", a.name, note.Result(err))
		}
		if err != nil {
			return true
		}
	}
	if !a.offered() {
		return false
	}
	fmt.Fprintf(out, "offer %s %d\n", a.name, time.Since(begin).Milliseconds())
	return true
}

// Ports of DHCP, RFC 2131, and where the headers have theirs: RFC 791, 768.
const (
	serverPort = 67
	clientPort = 68
	ipHeader   = 20
	udpHeader  = 8
	udp        = 17
)

// discover is a DHCPDISCOVER in IP, from nobody to everybody.
func discover(address net.HardwareAddr, id dhcpv4.TransactionID) []byte {
	message := dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootRequest, HWType: iana.HWTypeEthernet, ClientHWAddr: address, TransactionID: id,
		Options: dhcpv4.OptionsFromList(dhcpv4.OptMessageType(dhcpv4.MessageTypeDiscover)),
	}
	message.SetBroadcast()
	data := message.ToBytes()
	p := make([]byte, ipHeader+udpHeader, ipHeader+udpHeader+len(data))
	p[0], p[8], p[9] = 0x45, 64, udp // version and length, hops
	binary.BigEndian.PutUint16(p[2:], uint16(cap(p)))
	copy(p[16:], net.IPv4bcast.To4())
	binary.BigEndian.PutUint16(p[10:], checksum(p[:ipHeader]))
	binary.BigEndian.PutUint16(p[ipHeader:], clientPort)
	binary.BigEndian.PutUint16(p[ipHeader+2:], serverPort)
	binary.BigEndian.PutUint16(p[ipHeader+4:], uint16(udpHeader+len(data))) // and no checksum
	return append(p, data...)
}

// checksum is that of an IP header: RFC 1071.
func checksum(header []byte) uint16 {
	var sum uint32
	for ; len(header) > 1; header = header[2:] {
		sum += uint32(binary.BigEndian.Uint16(header))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// isOffer tells whether an IP packet is the DHCPOFFER that answers.
func isOffer(packet []byte, id dhcpv4.TransactionID) bool {
	if len(packet) < ipHeader || packet[0]>>4 != 4 || packet[9] != udp {
		return false
	}
	header := int(packet[0]&0xf) * 4
	if header < ipHeader || len(packet) < header+udpHeader || binary.BigEndian.Uint16(packet[header+2:]) != clientPort {
		return false
	}
	message, err := dhcpv4.FromBytes(packet[header+udpHeader:])
	return err == nil && message.OpCode == dhcpv4.OpcodeBootReply && message.TransactionID == id &&
		message.MessageType() == dhcpv4.MessageTypeOffer
}

// ethernet lists the names of the interfaces on which DHCP can be tried.
func ethernet(interfaces []network.Interface) []string {
	const ether = 1 // ARPHRD_ETHER, include/uapi/linux/if_arp.h
	var out []string
	for _, i := range interfaces {
		if i.Type == ether {
			out = append(out, i.Name)
		}
	}
	return out
}
