# The relay answers as docs/openapi.json says it does.
use strict;
use warnings;
use File::Basename qw(dirname);
use InventoryNode;
use JSON::PP;
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;
use Token;

my $path = dirname(__FILE__) . '/../../docs/openapi.json';
plan skip_all => 'the documentation is not here' if !-e $path;
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $document = $json->decode(slurp_file($path));

# What is referred to.
sub resolved
{
	my ($schema) = @_;
	while (my $ref = $schema->{'$ref'})
	{
		$schema = $document;
		$schema = $schema->{$_} // die "$ref leads nowhere" for grep { $_ ne '#' } split m{/}, $ref;
	}
	return $schema;
}

sub type_of
{
	my ($value) = @_;
	return 'null' if !defined $value;
	return 'object' if ref $value eq 'HASH';
	return 'array' if ref $value eq 'ARRAY';
	return 'boolean' if JSON::PP::is_bool($value);
	return $json->encode($value) =~ /^"/ ? 'string' : $json->encode($value) =~ /^-?\d+$/ ? 'integer' : 'number';
}

# What of a value is not as its schema wants it; undef when all is.
sub flaw
{
	my ($value, $schema, $where) = @_;
	$schema = resolved($schema);
	my $type = type_of($value);

	if (my $choices = $schema->{oneOf})
	{
		my @fitting = grep { !flaw($value, $_, $where) } @$choices;
		return @fitting == 1 ? undef : "$where fits " . @fitting . ' of the choices';
	}
	my @types = ref $schema->{type} ? @{ $schema->{type} } : $schema->{type} // ();
	return "$where is $type, not @types" if @types && !grep { $_ eq $type } @types;
	return "$where is none of those allowed" if $schema->{enum} && !grep { ($_ // '') eq ($value // '') } @{ $schema->{enum} };
	return "$where is too small" if $type eq 'integer' && defined $schema->{minimum} && $value < $schema->{minimum};
	return "$where is too long" if $type eq 'string' && defined $schema->{maxLength} && length $value > $schema->{maxLength};
	return "$where is no time: $value"
	  if $type eq 'string' && ($schema->{format} // '') eq 'date-time' && $value !~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
	if ($type eq 'array')
	{
		for my $i (0 .. $#$value)
		{
			my $found = flaw($value->[$i], $schema->{items}, "$where\[$i]");
			return $found if $found;
		}
	}
	return undef if $type ne 'object';
	for (@{ $schema->{required} // [] }) { return "$where.$_ is missing" if !exists $value->{$_} }
	for my $name (sort keys %$value)
	{
		my $member = $schema->{properties}{$name};
		return "$where.$name is not described" if !$member && exists $schema->{additionalProperties} && !$schema->{additionalProperties};
		my $found = $member && flaw($value->{$name}, $member, "$where.$name");
		return $found if $found;
	}
	return undef;
}

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
my $relay = RelayProcess->start($node, 'shop', keys_options());
my %met; # "method path status" that has been seen

# Asks, and compares the answer with what is written about it.
sub asked
{
	my ($method, $path, $status, $body, %headers) = @_;
	my ($plain) = split /\?/, $path =~ s{^(/api/inventory)/[^/?]+/[^/?]+/}{$1/{productId}/{warehouseId}/}r;
	my $operation = $document->{paths}{$plain}{ lc $method } // die "$method $plain is not described";
	my $text = ref $body ? $json->encode($body) : $body // '';
	my $response = $relay->request(method => $method, path => $path, body => $text,
		headers => { $method eq 'POST' ? ('Content-Type' => 'application/json', 'Content-Length' => length $text) : (), %{ bearer(sub => 'max', role => 'manager') }, %headers });
	my $described = $operation->{responses}{ $response->{status} };
	my ($type) = ($response->{headers}{'content-type'} // '') =~ /^([^;]+)/;
	my $schema = $described && $described->{content}{$type}{schema};

	is($response->{status}, $status, "$method $path is answered with $status") or diag($response->{body});
	return ok(0, 'which is described') if !$schema;
	my $wrong = flaw($type eq 'application/json' ? $json->decode($response->{body}) : $response->{body}, $schema, 'the answer');
	ok(!$wrong, 'in the shape that is described') or diag("$wrong in $response->{body}");
	$met{"$method $plain $status"} = 1;
	return $response;
}
sub posted { my ($verb, @rest) = @_; return asked('POST', "/api/inventory/$verb", @rest) }
sub example { return $document->{paths}{"/api/inventory/$_[0]"}{post}{requestBody}{content}{'application/json'}{example} }

note 'the examples';
posted('define', 200, example('define'));
posted('define', 200, { %{ example('define') }, warehouseId => 'wh_789' });
posted($_, 200, example($_)) for qw(adjust set apply reserve commit transfer);
posted('reserve', 200, { %{ example('reserve') }, reservationId => 'cart-2' });
posted('release', 200, { reservationId => 'cart-2' });
posted('adjust', 200, example('adjust'), 'Idempotency-Key' => 'k1') for 1 .. 2;
posted('adjust', 200, { %{ example('adjust') }, quantity => 1000, onShortage => 'partial' });
posted('retire', 200, example('retire'));
asked('GET', '/api/inventory?limit=1', 200);
asked('GET', '/api/session', 200);
for my $kind (qw(movements batches reservations))
{
	posted('adjust', 200, { productId => 'milk', warehouseId => 'wh_1', quantity => 3, movementType => 'in', batchNumber => 'L1', expiresAt => '2099-01-01T00:00:00Z' })
	  if $kind eq 'batches' && posted('define', 200, { productId => 'milk', warehouseId => 'wh_1', trackBatches => JSON::PP::true });
	posted('reserve', 200, { reservationId => 'r1', lines => [ { productId => 'milk', warehouseId => 'wh_1', quantity => 1 } ] }) if $kind eq 'reservations';
	my ($product, $warehouse) = $kind eq 'movements' ? ('prod_123', 'wh_789') : ('milk', 'wh_1');
	my $answer = asked('GET', "/api/inventory/$product/$warehouse/$kind?limit=2", 200);
	isnt(scalar @{ $json->decode($answer->{body}) }, 0, "there are $kind to look at");
	asked('GET', "/api/inventory/$kind?productId=$product&warehouseId=$warehouse", 200);
}
asked('GET', $_, 200) for qw(/livez /readyz);

note 'what is refused';
my %sale = (productId => 'prod_123', warehouseId => 'wh_789', quantity => 1, movementType => 'out');
posted('adjust', 400, { %sale, quantitty => 1 });
posted('adjust', 400, { %sale, quantity => 2 }, 'Idempotency-Key' => 'k1');
posted('adjust', 401, \%sale, Authorization => undef);
posted('adjust', 401, \%sale, Authorization => 'Bearer x.y.z');
posted('adjust', 403, \%sale, %{ bearer(role => 'viewer') });
posted('adjust', 404, { %sale, productId => 'nothing' });
posted('commit', 410, { reservationId => 'cart-1' });
posted('adjust', 412, { %sale, expectedVersion => 99 });
posted('adjust', 413, ' ' x 20000);
posted('adjust', 415, \%sale, 'Content-Type' => 'text/plain');
posted('adjust', 421, \%sale, Host => 'evil.example');
posted('adjust', 422, { %sale, quantity => 100000 });
asked('GET', '/api/inventory?limit=x', 400);
for my $kind (qw(movements batches reservations))
{
	asked('GET', "/api/inventory/prod_123/wh_789/$kind?before=", 400);
	asked('GET', "/api/inventory/nothing/wh_789/$kind", 404);
	asked('GET', "/api/inventory/prod_123/wh_789/$kind", 401, undef, Authorization => undef);
	asked('GET', "/api/inventory/$kind", 400);
	asked('GET', "/api/inventory/$kind?productId=nothing&warehouseId=wh_789", 404);
}
asked('GET', '/api/session', 401, undef, Authorization => undef);
my $holder = $node->background_psql('shop');
$holder->query_safe('BEGIN; SELECT FROM inventory FOR UPDATE');
posted('adjust', 409, { %sale, timeoutMs => 200 });
$holder->query_safe('COMMIT');
$node->stop('fast');
$relay->wait_until(sub { $relay->get('/readyz')->{status} == 503 }, 'it is not ready');
posted('adjust', 503, \%sale);
asked('GET', '/readyz', 503);

note 'what takes operations is what is described';
my $described = join ' ', sort map { m{^/api/inventory/(\w+)$} } grep { $document->{paths}{$_}{post} } keys %{ $document->{paths} };
is($described, 'adjust apply commit define release reserve retire set transfer', 'the verbs');
for my $verb (split / /, $described)
{
	my $schema = $document->{paths}{"/api/inventory/$verb"}{post}{requestBody}{content}{'application/json'};
	is(flaw($schema->{example}, $schema->{schema}, 'it'), undef, "the example of $verb fits its own description");
}
is($relay->stop, 0, 'the relay ends well');
done_testing();
