# Token.pm
#	  Signed tokens for tests: HS256 with the secret that the relays get.
#
#	my $relay = RelayProcess->start($node, 'shop', keys_options());
#	my $client = $relay->client(headers => bearer(sub => 'ann', org => 'acme'));
#
# A token is good for an hour and names its role, unless told otherwise.
package Token;

use strict;
use warnings;
use Digest::SHA qw(hmac_sha256);
use Exporter 'import';
use JSON::PP;
use MIME::Base64 qw(encode_base64url);

our @EXPORT = qw(token bearer keys_options);

my $secret = 'a secret of the tests, 32 bytes or more';
my $json = JSON::PP->new->utf8->canonical;

sub keys_options { return ('--jwt-secret', $secret) }

# role and warehouses go where the database looks for them; undef leaves a claim out.
sub token
{
	my (%claims) = (sub => 'ann', exp => time + 3600, role => 'operator', @_);
	my $role = delete $claims{role};
	my $warehouses = delete $claims{warehouses};
	my $key = delete $claims{secret} // $secret;

	$claims{inventory} = { role => $role, $warehouses ? (warehouses => $warehouses) : () } if defined $role;
	delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;
	my $body = join '.', map { encode_base64url($json->encode($_)) } { alg => 'HS256', typ => 'JWT' }, \%claims;
	return "$body." . encode_base64url(hmac_sha256($body, $key));
}

sub bearer { return { Authorization => 'Bearer ' . token(@_) } }

1;
